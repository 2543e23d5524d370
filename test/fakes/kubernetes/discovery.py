"""How a machine finds a cluster, and comes to believe it."""

import base64
import hashlib
import hmac
import ssl
import subprocess

import yaml

from kube import Fatal, Refused, ask, patiently, program, unencoded


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def discover(discovery):
    """The authority of the cluster, and where it is reached: as its token has signed it, and as one of the hashes says."""
    token_id, secret = discovery["token"].split(".")
    server = f"https://{discovery['apiServerEndpoint']}"
    path = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
    anybody = ssl._create_unverified_context()

    def fetch(context):
        data = ask(server, context, "GET", path)["data"]
        signature = data.get(f"jws-kubeconfig-{token_id}")
        if signature is None:
            raise Refused(0, f"there is no JWS signed token in the cluster-info ConfigMap for {token_id}")
        header, _, mac = signature.split(".")
        signed = f"{header}.{unpadded(data['kubeconfig'].encode())}".encode()
        if not hmac.compare_digest(unpadded(hmac.digest(secret.encode(), signed, "sha256")), mac):
            raise Fatal("failed to verify JWS signature of received cluster info object")
        return data["kubeconfig"]

    info = patiently(300, "[discovery] the cluster cannot be discovered", lambda: fetch(anybody))
    cluster = yaml.safe_load(info)["clusters"][0]["cluster"]
    ca = unencoded(cluster["certificate-authority-data"])
    key = ssl.PEM_cert_to_DER_cert(program(["openssl", "x509"], ca).strip() + "\n")
    public = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-pubkey"], input=key, capture_output=True, check=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public.stdout, capture_output=True, check=True).stdout
    if f"sha256:{hashlib.sha256(der).hexdigest()}" not in discovery["caCertHashes"]:
        raise Fatal("cluster CA found in cluster-info ConfigMap is invalid: none of the public keys is pinned")
    if fetch(ssl.create_default_context(cadata=ca)) != info:
        raise Fatal("the cluster-info ConfigMap was another by the authority that it names")
    return ca, cluster["server"]
