"""What the stand-in of kubeadm looks at before it begins."""

import os
import shutil
import socket

from kube import KUBERNETES, VERSION, Fatal, program, read

ETCD = "/var/lib/etcd"
MANIFESTS = f"{KUBERNETES}/manifests"


def preflight(*checks):
    """Ends it where something is wrong; all that is, is told at once."""
    wrong = [because for because in checks if because]
    if wrong:
        lines = "\n".join(f"\t[ERROR {because}" for because in wrong)
        raise Fatal(f"[preflight] Some fatal errors occurred:\n{lines}")


def common_checks():
    """What is looked at on every system."""
    if os.geteuid() != 0:
        yield "IsPrivilegedUser]: user is not running as root"
    for name in ["conntrack", "iptables", "mount", "socat", "ethtool", "kubelet"]:
        if shutil.which(name) is None:
            yield f"FileExisting-{name}]: {name} not found in system path"
    for name in ["net/bridge/bridge-nf-call-iptables", "net/ipv4/ip_forward"]:
        path = f"/proc/sys/{name}"
        if not os.path.exists(path) or read(path).strip() != "1":
            yield f"FileContent-{path.replace('/', '-')}]: {path} contents are not set to 1"
    if len(read("/proc/swaps").splitlines()) > 1:
        yield "Swap]: swap is supported for cgroup v2 only; the kubelet is told to fail with it"
    if shutil.which("kubelet") and program(["kubelet", "--version"]).strip() != f"Kubernetes {VERSION}":
        yield f"KubeletVersion]: the kubelet is not of {VERSION}"
    runtime = socket.socket(socket.AF_UNIX)
    try:
        runtime.connect("/run/containerd/containerd.sock")
    except OSError as error:
        yield f"CRI]: container runtime is not running: {error}"
    finally:
        runtime.close()
    yield port_in_use(10250)
    for name in ["kubelet.conf", "bootstrap-kubelet.conf"]:
        if os.path.exists(f"{KUBERNETES}/{name}"):
            yield f"FileAvailable--etc-kubernetes-{name}]: {KUBERNETES}/{name} already exists"


def control_plane_checks(port):
    """What must be so beside that where a control plane is to run, the first or another."""
    for one in [port, 10257, 10259, 2379, 2380]:
        yield port_in_use(one)
    for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"]:
        if os.path.exists(f"{MANIFESTS}/{name}.yaml"):
            yield f"FileAvailable--etc-kubernetes-manifests-{name}.yaml]: {MANIFESTS}/{name}.yaml already exists"
    if os.path.isdir(ETCD) and os.listdir(ETCD):
        yield "DirAvailable--var-lib-etcd]: /var/lib/etcd is not empty"


def port_in_use(port):
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("0.0.0.0", port))
        return None
    except OSError:
        return f"Port-{port}]: Port {port} is in use"
    finally:
        probe.close()
