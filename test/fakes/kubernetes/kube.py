"""What the stand-ins for kubeadm and the kubelet share: certificates by openssl, kubeconfigs, and requests to the API."""

import base64
import http.client
import json
import os
import ssl
import subprocess
import time
import urllib.parse

import yaml

VERSION = "v@VERSION@"
KUBERNETES = "/etc/kubernetes"
PKI = f"{KUBERNETES}/pki"


class Fatal(Exception):
    """What ends kubeadm."""


class Refused(Exception):
    """An answer of the API that is not what was asked for."""

    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status


def program(words, given=None):
    """What a program prints; CalledProcessError, with what it complains of, where it fails."""
    ended = subprocess.run(words, input=given, capture_output=True, text=True)
    if ended.returncode != 0:
        raise subprocess.CalledProcessError(ended.returncode, words[0], ended.stdout, ended.stderr.strip())
    return ended.stdout


def write(path, text, mode=0o600):
    """The whole file or none of it, with its mode from the first moment."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def read(path):
    with open(path) as file:
        return file.read()


def unencoded(text):
    return base64.b64decode(text).decode()


def new_key():
    return program(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])


def request_for(key_path, subject):
    """A certificate signing request, as PEM."""
    return program(["openssl", "req", "-new", "-key", key_path, "-subj", subject])


def kubeconfig(server, ca, user):
    """The text of one; `user` as it has users, with paths or with data."""
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(ca.encode()).decode()}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "kubernetes", "cluster": cluster}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "user@kubernetes", "context": {"cluster": "kubernetes", "user": "user"}}],
            "current-context": "user@kubernetes",
        }
    )


class Api:
    """The API server of a kubeconfig, asked as its user, and for so many seconds once more where it does not answer."""

    def __init__(self, path, patience=0):
        self.patience = patience
        config = yaml.safe_load(read(path))
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0].get("user") or {}
        ca = unencoded(cluster["certificate-authority-data"])
        self.server = cluster["server"]
        self.token = user.get("token")
        self.context = ssl.create_default_context(cadata=ca)
        if "client-certificate" in user:
            self.context.load_cert_chain(user["client-certificate"], user["client-key"])
        elif "client-certificate-data" in user:
            own = f"{path}.pem"
            both = [user["client-certificate-data"], user["client-key-data"]]
            write(own, "".join(unencoded(part) for part in both))
            self.context.load_cert_chain(own)
            os.remove(own)

    def ask(self, method, path, body=None, kind="application/json"):
        headers = {} if self.token is None else {"authorization": f"Bearer {self.token}"}
        until = time.time() + self.patience
        while True:
            try:
                return ask(self.server, self.context, method, path, body, {**headers, "content-type": kind})
            except (OSError, Refused) as error:
                if time.time() > until or isinstance(error, Refused) and error.status < 500:
                    raise
            time.sleep(0.5)


def ask(server, context, method, path, body=None, headers=None):
    """What the API answers, as an object; Refused where it does not do it, OSError where it is not reached."""
    place = urllib.parse.urlsplit(server)
    connection = http.client.HTTPSConnection(place.hostname, place.port or 443, context=context, timeout=20)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers or {})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status >= 300:
            raise Refused(answer.status, message_in(text))
        return json.loads(text)
    except http.client.HTTPException as error:
        raise ConnectionError(f"{server} broke off: {error!r}") from error
    finally:
        connection.close()


def patiently(seconds, what, tried):
    until = time.time() + seconds
    while True:
        try:
            return tried()
        except (OSError, Refused) as error:
            if time.time() > until:
                raise Fatal(f"{what}: {error}") from error
        time.sleep(0.5)


def message_in(text):
    try:
        return json.loads(text).get("message", text)
    except ValueError:
        return text[:300]
