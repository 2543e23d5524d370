import { isClusterName } from '../config/cluster-name.ts'
import { whyNotLabelKey, whyNotLabelValue } from '../config/node-label.ts'
import { parseDiskSelector } from '../config/parse-disk-selector.ts'
import { parseTaint } from '../config/parse-taint.ts'
import type { ApprovalOrder } from '../http/api-app.ts'
import type { ApprovalWishes } from '../machines/approval.ts'
import { printable } from '../wire/text.ts'

export type ReadApprovalOrder =
  | { readonly kind: 'wishes'; readonly wishes: ApprovalWishes }
  | { readonly kind: 'refused'; readonly because: string }

/** What a person wishes with an approval, as far as it can be told without looking at machines, images and clusters. */
export function readApprovalOrder(order: ApprovalOrder): ReadApprovalOrder {
  const { hostname, method, image, once, claim, disk, wipe, keep, cluster, role, labels, zone } = order
  const no = (because: string): ReadApprovalOrder => ({ kind: 'refused', because })
  if (keep !== undefined && (wipe === true || disk !== undefined)) {
    return no('what is on the disk cannot both be kept (--keep) and be written over (--disk, --wipe)')
  }
  if (disk !== undefined) {
    const read = parseDiskSelector(disk)
    if (read.kind === 'refused')
      return no(`${printable(disk, 60)} names no disk: ${read.because}. ${read.nextStep}`)
  }
  if (cluster !== undefined && !isClusterName(cluster)) {
    return no(`${printable(cluster, 60)} is not the name of a cluster; \`ironwake clusters list\` shows them`)
  }
  for (const [key, value] of Object.entries(labels ?? {})) {
    const because = whyNotLabelKey(key) ?? whyNotLabelValue(value)
    if (because !== undefined) return no(`${printable(`${key}=${value}`, 80)} is no label: ${because}`)
  }
  if (zone !== undefined && whyNotLabelValue(zone) !== undefined) {
    return no(`${printable(zone, 60)} is no zone: it must be fit for the value of a label`)
  }
  const zoneLabel = labels?.['topology.kubernetes.io/zone']
  if (zone !== undefined && zoneLabel !== undefined && zone !== zoneLabel) {
    return no(`its zone cannot be both ${zone} and, by the label topology.kubernetes.io/zone, ${zoneLabel}`)
  }
  const taints = order.taints?.map((text) => ({ text, taint: parseTaint(text) }))
  const wrong = taints?.find(({ taint }) => taint === undefined)
  if (wrong !== undefined) {
    const howTo = 'write it as dedicated=gpu:NoSchedule; or PreferNoSchedule, or NoExecute'
    return no(`${printable(wrong.text, 80)} is no taint: ${howTo}`)
  }
  return {
    kind: 'wishes',
    wishes: {
      ...(claim === undefined ? {} : { claim: 'compared' as const }),
      ...(hostname === undefined ? {} : { hostname }),
      ...(method === undefined ? {} : { method }),
      ...(image === undefined ? {} : { image }),
      ...(once === undefined ? {} : { once }),
      ...(disk === undefined ? {} : { disk }),
      ...(wipe === undefined ? {} : { wipe }),
      ...(cluster === undefined ? {} : { cluster }),
      ...(role === undefined ? {} : { role }),
      ...(labels === undefined ? {} : { labels }),
      ...(taints === undefined ? {} : { taints: taints.flatMap(({ taint }) => taint ?? []) }),
      ...(zone === undefined ? {} : { zone }),
    },
  }
}
