import t from 'tap'
import { kubernetesMinors } from '../../server/clusters/kubernetes-versions.ts'
import { whyNotNodeSystem } from '../../server/clusters/node-systems.ts'

function why(image: string, wanted: string): string | undefined {
  const minor = kubernetesMinors.find((one) => one.minor === wanted)
  if (minor === undefined) throw new Error(`there is no ${wanted}`)
  return whyNotNodeSystem(image, minor)
}

t.test(
  'an image whose containerd is too old for a version of Kubernetes is told apart by its name',
  async (t) => {
    t.equal(
      why('ubuntu-20.04-disk-amd64', '1.34'),
      'Ubuntu 20.04 has containerd 1.7.24, and Kubernetes 1.34 needs 2.0.6 or 2.1.3 at least',
    )
    t.match(why('focal@20250401', '1.36'), /^Ubuntu 20.04 has/)
    for (const image of [
      'ubuntu-22.04-disk-amd64',
      'noble',
      'my-noble',
      'ubuntu-26.04-disk-arm64@2',
      'stonking',
    ]) {
      for (const { minor } of kubernetesMinors) t.equal(why(image, minor), undefined, `${image} ${minor}`)
    }
  },
)

t.test('of an image with a name of its own nothing is said', async (t) => {
  for (const image of ['golden', 'ubuntu', 'debian', 'focality', 'unfocal'])
    t.equal(why(image, '1.36'), undefined)
})
