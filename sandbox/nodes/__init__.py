"""The nodes of the simulated cluster: scheduler, kubelet, the programs in the containers, the network between."""
