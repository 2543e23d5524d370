/** As kubeadm labels the Node of a control plane, and the key of its taint (kubernetes.io/docs/reference/labels-annotations-taints). */
export const controlPlaneLabel = 'node-role.kubernetes.io/control-plane'
