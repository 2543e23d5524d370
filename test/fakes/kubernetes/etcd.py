"""The members of a cluster's etcd, asked as kubeadm asks them: by the client certificate of this system, over mutual TLS."""

import ssl

from kube import PKI, Fatal, Refused, ask, patiently
from static_pods import ANNOTATIONS, peer_url


class Etcd:
    """Those members of whose pods the API tells."""

    def __init__(self, api):
        pods = api.ask("GET", "/api/v1/namespaces/kube-system/pods?labelSelector=component%3Detcd%2Ctier%3Dcontrol-plane")["items"]
        ours = [pod["metadata"] for pod in pods if pod["metadata"].get("labels", {}).get("component") == "etcd"]
        self.endpoints = [one["annotations"][f"{ANNOTATIONS}/etcd.advertise-client-urls"] for one in ours]
        if not self.endpoints:
            raise Fatal("could not retrieve the list of etcd endpoints")
        own = f"{PKI}/etcd/healthcheck-client"
        self.context = ssl.create_default_context(cafile=f"{PKI}/etcd/ca.crt")
        self.context.load_cert_chain(f"{own}.crt", f"{own}.key")

    def ask(self, word, body):
        """What the first member says that answers."""
        failed = None
        for endpoint in self.endpoints:
            try:
                return ask(endpoint, self.context, "POST", f"/v3/cluster/member/{word}", body)
            except OSError as error:
                failed = error
        raise failed

    def members(self):
        return self.ask("list", {})["members"]

    def member_at(self, address):
        """Of an address, if there is one; each try asks anew, as one whose answer was lost may have done its part."""
        return next((one for one in self.members() if peer_url(address) in one["peerURLs"]), None)

    def add_learner(self, name, address):
        """The peer URLs of all members by their names, when this one is one of them."""
        url = peer_url(address)

        def add():
            if self.member_at(address) is None:
                self.ask("add", {"peerURLs": [url], "isLearner": True})
            return {(name if url in one["peerURLs"] else one["name"]): one["peerURLs"][0] for one in self.members()}

        return patiently(120, "[etcd] the member cannot be added", add)

    def promote(self, address):
        """A learner becomes a member that votes, as soon as it has caught up."""

        def promote():
            own = self.member_at(address)
            if own.get("isLearner"):
                self.ask("promote", {"ID": own["ID"]})

        patiently(120, "[etcd] the member cannot be promoted", promote)

    def remove(self, address):
        """The member of an address, unless it is the only one."""

        def remove():
            own = self.member_at(address)
            if own is not None and len(self.members()) > 1:
                self.ask("remove", {"ID": own["ID"]})

        patiently(120, "the member cannot be removed", remove)
