"""The certificates that the stand-in of kubeadm makes, by the authorities that lie on the system."""

import base64
import os
import socket
import stat

from kube import KUBERNETES, PKI, Fatal, kubeconfig, program, read, write


def authorities():
    """Those that lie below PKI: each with its key, the keys for nobody else to read."""
    for name, is_certificate in [("ca", True), ("front-proxy-ca", True), ("etcd/ca", True), ("sa", False)]:
        key, shown = f"{PKI}/{name}.key", f"{PKI}/{name}.{'crt' if is_certificate else 'pub'}"
        for path in [key, shown]:
            if not os.path.exists(path):
                raise Fatal(f"error execution phase certs: {path} is missing; this stand-in makes no authorities")
        if stat.S_IMODE(os.stat(key).st_mode) & 0o077:
            raise Fatal(f"error execution phase certs: {key} may be read by others")
        of_key = program(["openssl", "pkey", "-in", key, "-pubout"])
        if is_certificate:
            program(["openssl", "x509", "-in", shown, "-noout", "-checkend", "0"])
            about = program(["openssl", "x509", "-in", shown, "-noout", "-pubkey", "-ext", "basicConstraints"])
            if "CA:TRUE" not in about:
                raise Fatal(f"error execution phase certs: {shown} is not that of an authority")
            if of_key not in about:
                raise Fatal(f"error execution phase certs: {key} is not the key of {shown}")
        elif of_key != program(["openssl", "pkey", "-pubin", "-in", shown, "-pubout"]):
            raise Fatal(f"error execution phase certs: {key} is not the key of {shown}")
        print(f"[certs] Using existing {name} authority", flush=True)


def certificate(name, authority, subject, usage, sans=()):
    """PKI/NAME.crt and its key, by PKI/AUTHORITY."""
    alternatives = ",".join(f"{'IP' if is_address(one) else 'DNS'}:{one}" for one in dict.fromkeys(sans))
    lines = ["[req]", "distinguished_name=subject", "x509_extensions=leaf", "[subject]", "[leaf]", "basicConstraints=critical,CA:FALSE"]
    lines += ["keyUsage=critical,digitalSignature,keyEncipherment", f"extendedKeyUsage={usage}"]
    lines += [f"subjectAltName={alternatives}"] if sans else []
    signed = ["-CA", f"{PKI}/{authority}.crt", "-CAkey", f"{PKI}/{authority}.key", "-days", "365", "-subj", subject]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", f"{PKI}/{name}.key"]
    text = program(["openssl", "req", "-x509", "-config", "/dev/stdin", *signed, *key], "\n".join(lines))
    os.chmod(f"{PKI}/{name}.key", 0o600)
    write(f"{PKI}/{name}.crt", text, 0o644)


def control_plane_certificates(cluster, name, address):
    """Those of an API server and of a member of etcd."""
    networking = cluster["networking"]
    network, _ = networking["serviceSubnet"].split("/")
    first = ".".join(network.split(".")[:3] + [str(int(network.split(".")[3]) + 1)])
    endpoint = cluster["controlPlaneEndpoint"].rsplit(":", 1)[0]
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{networking['dnsDomain']}"]
    names += [name, first, address, endpoint, *cluster.get("apiServer", {}).get("certSANs", [])]
    certificate("apiserver", "ca", "/CN=kube-apiserver", "serverAuth", names)
    certificate("apiserver-kubelet-client", "ca", "/O=kubeadm:cluster-admins/CN=kube-apiserver-kubelet-client", "clientAuth")
    certificate("front-proxy-client", "front-proxy-ca", "/CN=front-proxy-client", "clientAuth")
    member = [name, "localhost", address, "127.0.0.1", "::1"]
    # A member shows the certificate by which it serves also where it asks: its peers, and itself by its gateway.
    certificate("etcd/server", "etcd/ca", f"/CN={name}", "serverAuth,clientAuth", member)
    certificate("etcd/peer", "etcd/ca", f"/CN={name}", "serverAuth,clientAuth", member)
    certificate("etcd/healthcheck-client", "etcd/ca", "/CN=kube-etcd-healthcheck-client", "clientAuth")
    certificate("apiserver-etcd-client", "etcd/ca", "/CN=kube-apiserver-etcd-client", "clientAuth")


def is_address(text):
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
        return True
    except OSError:
        return False


def client_kubeconfig(name, server, subject):
    certificate(f".{name}", "ca", subject, "clientAuth")
    made = [f"{PKI}/.{name}.crt", f"{PKI}/.{name}.key"]
    encoded = [base64.b64encode(read(path).encode()).decode() for path in made]
    for path in made:
        os.remove(path)
    user = {"client-certificate-data": encoded[0], "client-key-data": encoded[1]}
    write(f"{KUBERNETES}/{name}", kubeconfig(server, read(f"{PKI}/ca.crt"), user))
