import t from 'tap'
import { readFlannel } from '../../server/appliance/boot-material.ts'
import { flannelObjects, flannelVersion } from '../../server/cloud-init/flannel.ts'
import { manifestPath } from '../../server/clusters/kube-manifest.ts'

const objects = flannelObjects(readFlannel(), '10.99.0.0/16')
const text = JSON.stringify(objects)

t.test('every object of flannel has a place in the API, and those it needs come before it', (t) => {
  t.strictSame(
    objects.map((object) => manifestPath(object)),
    [
      '/api/v1/namespaces/kube-flannel',
      '/api/v1/namespaces/kube-flannel/serviceaccounts/flannel',
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/flannel',
      '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/flannel',
      '/api/v1/namespaces/kube-flannel/configmaps/kube-flannel-cfg',
      '/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds',
    ],
  )
  t.end()
})

t.test('the pods’ subnet is filled in, images are pinned, and nothing is left to be filled in', (t) => {
  t.match(text, /10\.99\.0\.0\/16/)
  t.notMatch(text, '@')
  const images = [...text.matchAll(/"image":"([^"]+)"/g)].map(([, image]) => image)
  t.strictSame(images, [
    'ghcr.io/flannel-io/flannel-cni-plugin:v1.7.1-flannel1',
    `ghcr.io/flannel-io/flannel:${flannelVersion}`,
    `ghcr.io/flannel-io/flannel:${flannelVersion}`,
  ])
  const [config] = objects.filter(({ kind }) => kind === 'ConfigMap') as {
    readonly data?: Record<string, string>
  }[]
  for (const name of ['cni-conf.json', 'net-conf.json']) t.ok(JSON.parse(config?.data?.[name] ?? ''), name)
  t.end()
})

t.test(
  'a volume that a container mounts is there, and a pod of flannel runs before its node is Ready',
  (t) => {
    const set = objects.find(({ kind }) => kind === 'DaemonSet') as unknown as {
      readonly spec: {
        readonly template: {
          readonly spec: {
            readonly volumes: readonly { readonly name: string }[]
            readonly containers: readonly Container[]
            readonly initContainers: readonly Container[]
            readonly tolerations: unknown
          }
        }
      }
    }
    type Container = { readonly volumeMounts: readonly { readonly name: string }[] }
    const { volumes, containers, initContainers, tolerations } = set.spec.template.spec
    const there = new Set(volumes.map(({ name }) => name))
    const mounted = [...containers, ...initContainers].flatMap(({ volumeMounts }) => volumeMounts)
    t.ok(mounted.length >= 5)
    for (const { name } of mounted) t.ok(there.has(name), name)
    t.strictSame(tolerations, [{ operator: 'Exists', effect: 'NoSchedule' }])
    t.end()
  },
)
