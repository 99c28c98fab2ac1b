"""What makes model/weights: expert Episodes, supervised fine-tuning, simulation RFT, reality-anchored RFT."""
