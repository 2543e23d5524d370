"""The static pods of a control plane, as the stand-in of kubeadm writes them."""

import yaml

from kube import PKI, write
from preflight import ETCD, MANIFESTS

ANNOTATIONS = "kubeadm.kubernetes.io"


def api_server_pod(address, port, cluster):
    flags = {
        "advertise-address": address,
        "secure-port": str(port),
        "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{PKI}/ca.crt",
        "enable-bootstrap-token-auth": "true",
        "etcd-servers": "https://127.0.0.1:2379",
        "etcd-cafile": f"{PKI}/etcd/ca.crt",
        "etcd-certfile": f"{PKI}/apiserver-etcd-client.crt",
        "etcd-keyfile": f"{PKI}/apiserver-etcd-client.key",
        "service-account-key-file": f"{PKI}/sa.pub",
        "service-account-signing-key-file": f"{PKI}/sa.key",
        "service-cluster-ip-range": cluster["networking"]["serviceSubnet"],
        "tls-cert-file": f"{PKI}/apiserver.crt",
        "tls-private-key-file": f"{PKI}/apiserver.key",
        # Those of kube-controller-manager, which the stand-in has in the same program.
        "cluster-signing-cert-file": f"{PKI}/ca.crt",
        "cluster-signing-key-file": f"{PKI}/ca.key",
    }
    static_pod("kube-apiserver", flags, {f"{ANNOTATIONS}/kube-apiserver.advertise-address.endpoint": f"{address}:{port}"})


def etcd_pod(name, address, members):
    """A member of etcd: the first, or one of those that are known to be, by their names and peer URLs."""
    client, peer = f"https://{address}:2379", peer_url(address)
    flags = {
        "advertise-client-urls": client,
        "cert-file": f"{PKI}/etcd/server.crt",
        "client-cert-auth": "true",
        "data-dir": ETCD,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": ",".join(f"{one}={url}" for one, url in members.items()),
        "initial-cluster-state": "existing" if len(members) > 1 else "new",
        "key-file": f"{PKI}/etcd/server.key",
        "listen-client-urls": f"https://127.0.0.1:2379,{client}",
        "listen-metrics-urls": "http://127.0.0.1:2381",
        "listen-peer-urls": peer,
        "name": name,
        "peer-cert-file": f"{PKI}/etcd/peer.crt",
        "peer-client-cert-auth": "true",
        "peer-key-file": f"{PKI}/etcd/peer.key",
        "peer-trusted-ca-file": f"{PKI}/etcd/ca.crt",
        "snapshot-count": "10000",
        "trusted-ca-file": f"{PKI}/etcd/ca.crt",
    }
    static_pod("etcd", flags, {f"{ANNOTATIONS}/etcd.advertise-client-urls": client})


def peer_url(address):
    return f"https://{address}:2380"


def static_pod(name, flags, annotations):
    command = [name, *[f"--{flag}={value}" for flag, value in flags.items()]]
    labels = {"component": name, "tier": "control-plane"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system", "labels": labels, "annotations": annotations},
        "spec": {"hostNetwork": True, "containers": [{"name": name, "command": command}]},
    }
    write(f"{MANIFESTS}/{name}.yaml", yaml.safe_dump(pod))
