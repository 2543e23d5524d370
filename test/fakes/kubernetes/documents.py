"""The documents of v1beta4 that the stand-in of kubeadm reads, as strictly as kubeadm does."""

import yaml

from kube import Fatal, read

# What each kind of document may have: a type, or the fields below it; a list stands for a list of such.
REGISTRATION = {
    "name": str,
    "criSocket": str,
    "taints": [{"key": str, "value": str, "effect": str}],
    "kubeletExtraArgs": [{"name": str, "value": str}],
    "ignorePreflightErrors": [str],
    "imagePullPolicy": str,
    "imagePullSerial": bool,
}
ENDPOINT = {"advertiseAddress": str, "bindPort": int}
FIELDS = {
    ("kubeadm.k8s.io/v1beta4", "InitConfiguration"): {
        "nodeRegistration": REGISTRATION,
        "localAPIEndpoint": ENDPOINT,
        "bootstrapTokens": [{"token": str, "description": str, "ttl": str, "usages": [str], "groups": [str]}],
        "certificateKey": str,
        "skipPhases": [str],
        "patches": {"directory": str},
    },
    ("kubeadm.k8s.io/v1beta4", "ClusterConfiguration"): {
        "clusterName": str,
        "kubernetesVersion": str,
        "controlPlaneEndpoint": str,
        "certificatesDir": str,
        "imageRepository": str,
        "networking": {"podSubnet": str, "serviceSubnet": str, "dnsDomain": str},
        "apiServer": {"certSANs": [str], "extraArgs": [{"name": str, "value": str}]},
        "dns": {"disabled": bool},
        "proxy": {"disabled": bool},
        "featureGates": {},
    },
    ("kubeadm.k8s.io/v1beta4", "JoinConfiguration"): {
        "discovery": {
            "bootstrapToken": {"apiServerEndpoint": str, "token": str, "caCertHashes": [str], "unsafeSkipCAVerification": bool},
            "tlsBootstrapToken": str,
        },
        "nodeRegistration": REGISTRATION,
        "controlPlane": {"localAPIEndpoint": ENDPOINT, "certificateKey": str},
        "caCertPath": str,
        "skipPhases": [str],
    },
    ("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"): {
        "cgroupDriver": str,
        "failSwapOn": bool,
        "rotateCertificates": bool,
        "serverTLSBootstrap": bool,
        "resolvConf": str,
        "clusterDNS": [str],
        "clusterDomain": str,
        "staticPodPath": str,
    },
}
PHASES = ["preflight", "certs", "kubeconfig", "etcd", "control-plane", "kubelet-start", "wait-control-plane"]
PHASES += ["upload-config", "upload-certs", "mark-control-plane", "bootstrap-token", "kubelet-finalize", "addon", "show-join-command"]


def documents(path, *kinds):
    """The documents of a file by their kind, checked strictly."""
    found = {}
    try:
        values = [value for value in yaml.safe_load_all(read(path)) if value is not None]
    except yaml.YAMLError as error:
        raise Fatal(f"error converting YAML to JSON: {error}") from error
    for value in values:
        about = (value.pop("apiVersion", None), value.pop("kind", None))
        if about not in FIELDS:
            raise Fatal(f"no kind {about[1]} is registered for version {about[0]}")
        if about[1] not in kinds:
            raise Fatal(f"{about[1]} has no place here")
        checked(value, FIELDS[about], about[1])
        found[about[1]] = value
    if kinds[0] not in found:
        raise Fatal(f"no {kinds[0]} in {path}")
    return found


def checked(value, shape, where):
    if shape == {}:
        return
    if isinstance(shape, type):
        if type(value) is not shape:
            raise Fatal(f"strict decoding error: {where}: {value!r} is no {shape.__name__}")
    elif isinstance(shape, list):
        if type(value) is not list:
            raise Fatal(f"strict decoding error: {where}: {value!r} is no list")
        for index, one in enumerate(value):
            checked(one, shape[0], f"{where}[{index}]")
    elif type(value) is not dict:
        raise Fatal(f"strict decoding error: {where}: {value!r} is no object")
    else:
        for name, one in value.items():
            if name not in shape:
                raise Fatal(f'strict decoding error: unknown field "{where}.{name}"')
            checked(one, shape[name], f"{where}.{name}")
