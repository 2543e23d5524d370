import { parseAllDocuments } from 'yaml'

/** The version whose images the manifest names. */
export const flannelVersion = 'v0.28.4'

/** An object of Kubernetes, as it is written in a manifest. */
export type ManifestObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

/** The objects of `cloud-init/kubernetes/flannel.yaml`, for pods of this subnet, in the order in which they can be made. */
export function flannelObjects(template: string, podSubnet: string): readonly ManifestObject[] {
  const text = template
    .replaceAll('@POD_SUBNET@', () => podSubnet)
    .replaceAll('@FLANNEL_VERSION@', () => flannelVersion)
  return parseAllDocuments(text).map((document) => document.toJS() as ManifestObject)
}
