/** An object as one writes it for a cluster. */
export type KubeManifest = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: unknown }
  readonly [key: string]: unknown
}

/** The kinds that the box brings into a cluster, by their resources. */
const resources: { readonly [kind: string]: string } = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  ConfigMap: 'configmaps',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
  DaemonSet: 'daemonsets',
}

/** Where the API has an object; `undefined` for a kind that the box does not bring. */
export function manifestPath({ apiVersion, kind, metadata }: KubeManifest): string | undefined {
  const resource = resources[kind]
  if (resource === undefined) return undefined
  // The core of the API has no group (kubernetes.io/docs/reference/using-api).
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const { name, namespace } = metadata
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`
  return `${group}${within}/${resource}/${encodeURIComponent(name)}`
}
