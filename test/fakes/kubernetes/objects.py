"""What the stand-in of kubeadm keeps in a cluster for those who join it: configuration, rights, cluster-info."""

import yaml

from kube import Refused, kubeconfig

WORKERS = "system:bootstrappers:kubeadm:default-node-token"
RBAC = "rbac.authorization.k8s.io"
GROUP = {"apiGroup": RBAC, "kind": "Group"}


def bound(api, name, role, *subjects, namespace=None):
    """A role is bound to those who are to have it: by a ClusterRoleBinding, or by a RoleBinding of a namespace."""
    kinds = ("ClusterRole", "ClusterRoleBinding") if namespace is None else ("Role", "RoleBinding")
    about = {"apiVersion": f"{RBAC}/v1", "kind": kinds[1], "metadata": {"name": name, **in_namespace(namespace)}}
    reference = {"apiGroup": RBAC, "kind": kinds[0], "name": role}
    kept(api, rbac_path(f"{kinds[1].lower()}s", namespace), {**about, "roleRef": reference, "subjects": list(subjects)})


def allowed(api, name, resource, names, *subjects, namespace=None):
    """These may read objects of a resource: those of the names, or all."""
    kind = "ClusterRole" if namespace is None else "Role"
    rule = {"apiGroups": [""], "resources": [resource], "verbs": ["get"], **({"resourceNames": names} if names else {})}
    about = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": {"name": name, **in_namespace(namespace)}}
    kept(api, rbac_path(f"{kind.lower()}s", namespace), {**about, "rules": [rule]})
    bound(api, name, name, *subjects, namespace=namespace)


def in_namespace(namespace):
    return {} if namespace is None else {"namespace": namespace}


def rbac_path(resource, namespace):
    return f"/apis/{RBAC}/v1/{'' if namespace is None else f'namespaces/{namespace}/'}{resource}"


def bind_administrators(api):
    bound(api, "kubeadm:cluster-admins", "cluster-admin", {**GROUP, "name": "kubeadm:cluster-admins"})


def config_map(name, namespace, data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def kept(api, path, value):
    """Made, or left as it is where it is there already."""
    try:
        api.ask("POST", path, value)
    except Refused as refused:
        if refused.status != 409:
            raise


def upload_config(api, found):
    path = "/api/v1/namespaces/kube-system/configmaps"
    cluster = {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", **found["ClusterConfiguration"]}
    kept(api, path, config_map("kubeadm-config", "kube-system", {"ClusterConfiguration": yaml.safe_dump(cluster)}))
    about = {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration"}
    kubelet = yaml.safe_dump({**about, **found.get("KubeletConfiguration", {"cgroupDriver": "systemd"})})
    kept(api, path, config_map("kubelet-config", "kube-system", {"kubelet": kubelet}))
    readers = [{**GROUP, "name": name} for name in ["system:nodes", WORKERS]]
    allowed(api, "kubeadm:nodes-kubeadm-config", "configmaps", ["kubeadm-config"], *readers, namespace="kube-system")
    allowed(api, "kubeadm:kubelet-config", "configmaps", ["kubelet-config"], *readers, namespace="kube-system")


def bootstrap_token(api, ca, cluster):
    public = kubeconfig(f"https://{cluster['controlPlaneEndpoint']}", ca, {})
    kept(api, "/api/v1/namespaces/kube-public/configmaps", config_map("cluster-info", "kube-public", {"kubeconfig": public}))
    anybody = {"apiGroup": RBAC, "kind": "User", "name": "system:anonymous"}
    allowed(api, "kubeadm:bootstrap-signer-clusterinfo", "configmaps", ["cluster-info"], anybody, namespace="kube-public")
    workers = {**GROUP, "name": WORKERS}
    bound(api, "kubeadm:kubelet-bootstrap", "system:node-bootstrapper", workers)
    signing = "system:certificates.k8s.io:certificatesigningrequests"
    bound(api, "kubeadm:node-autoapprove-bootstrap", f"{signing}:nodeclient", workers)
    bound(api, "kubeadm:node-autoapprove-certificate-rotation", f"{signing}:selfnodeclient", {**GROUP, "name": "system:nodes"})
    allowed(api, "kubeadm:get-nodes", "nodes", [], workers)
