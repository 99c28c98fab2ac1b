"""Corefiles: what CoreDNS serves by them, and in which words it refuses them (checked against CoreDNS 1.12.4)."""

from __future__ import annotations

import pytest

from ansible_collections.e2ereme.remediate.sandbox.nodes.corefile import BadCorefile, read

GOOD = """.:53 {
    errors
    health {
       lameduck 5s
    }
    ready  # for the probe
    kubernetes cluster.local in-addr.arpa {
        pods insecure
        ttl 5
    }
    cache 5
    loadbalance
}
"""


def test_a_sound_file_serves_its_zones_and_opens_the_ports_of_its_plugins() -> None:
    server = read(GOOD, "Corefile")
    assert server.serves("shop.svc.cluster.local")
    assert server.on_53
    assert server.ports == {8080, 8181}


def test_a_file_for_another_zone_is_sound_but_does_not_serve_the_clusters_names() -> None:
    assert not read(GOOD.replace("cluster.local", "cluster.locl"), "Corefile").serves("shop.svc.cluster.local")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.replace("kubernetes ", "kubernets "), "Corefile:7 - Error during parsing: Unknown directive 'kubernets'"),
        (GOOD.rstrip().rstrip("}"), "Corefile:12 - Syntax error: Unexpected token 'loadbalance', expecting '}'"),
        (
            GOOD.replace("ttl 5", "tttl 5"),
            "plugin/kubernetes: Corefile:9 - Error during parsing: unknown property 'tttl'",
        ),
        (GOOD.replace(":53", ":abc"), "error inspecting server blocks: zone is not a valid domain name: .:abc"),
        ("foo {\n", "Corefile:1 - Syntax error: Unexpected token '{', expecting '}'"),
    ],
)
def test_a_bad_file_is_refused_in_corednss_words(text: str, words: str) -> None:
    with pytest.raises(BadCorefile) as caught:
        read(text, "Corefile")
    assert str(caught.value) == words
