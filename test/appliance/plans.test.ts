import t from 'tap'
import type { Config } from '../../server/config/config.ts'
import { ImageShelf } from '../../server/appliance/image-shelf.ts'
import { plansOf, type Plans } from '../../server/appliance/plans.ts'
import { aNetwork, ip, macNumber } from '../networks/a-network.ts'
import { aConfig, ram } from './a-config.ts'

const [one, two] = [macNumber(1), macNumber(2)]
const debian = { name: 'debian', folder: '/images/debian' }
const ubuntu = { name: 'ubuntu', folder: '/images/ubuntu' }

t.test('a machine has its own entry, or the defaults', (t) => {
  const own = { ...ram, method: 'local' as const, mac: one, hostname: 'node-1' }
  const plans = plansFor({ machines: [own], defaults: { ...ram, image: 'debian' } })
  t.match(plans.settingsOf(one), { method: 'local' })
  t.match(plans.settingsOf(two), { method: 'ram', image: 'debian' })
  t.end()
})

t.test('approval is a rule of the settings, card by card', (t) => {
  const some = plansFor({ approve: { kind: 'these', macs: new Set([one]) } })
  t.equal(some.intentFor(one, undefined).approved, true)
  t.equal(some.intentFor(two, undefined).approved, false)
  t.equal(plansFor({ approve: { kind: 'all' } }).intentFor(two, undefined).approved, true)
  t.equal(plansFor().intentFor(one, undefined).approved, false)
  t.end()
})

t.test('an entry for a machine approves nothing', (t) => {
  const plans = plansFor({ machines: [{ ...ram, mac: one, hostname: 'node-1' }] })
  t.equal(plans.intentFor(one, undefined).approved, false)
  t.end()
})

t.test('the image is the one named, or the only one there is', (t) => {
  const imageOf = (image: string | undefined, ...images: (typeof debian)[]) =>
    plansFor({ images, defaults: { ...ram, image } }).intentFor(one, undefined).image
  t.strictSame(imageOf('ubuntu', debian, ubuntu), { kind: 'image', name: 'ubuntu' })
  t.strictSame(imageOf(undefined, debian), { kind: 'image', name: 'debian' })
  t.match(imageOf(undefined, debian, ubuntu), { kind: 'none', because: /name no image for it/ })
  t.match(imageOf(undefined), { kind: 'none', because: /name no image for it/ })
  t.match(imageOf('fedora', debian), {
    kind: 'none',
    because: /no image fedora, neither in the settings nor in the store/,
  })
  t.end()
})

t.test('the name of a machine is that of its entry, then that of its reservation', (t) => {
  const plans = plansFor({ machines: [{ ...ram, mac: one, hostname: 'node-1' }] })
  const reservations = new Map([
    [one, { address: ip('10.0.0.10'), hostname: 'reserved-1' }],
    [two, { address: ip('10.0.0.11'), hostname: 'reserved-2' }],
  ])
  const network = aNetwork({ reservations })
  t.equal(plans.hostnameOf(network, one, undefined), 'node-1')
  t.equal(plans.hostnameOf(network, two, undefined), 'reserved-2')
  t.equal(plans.hostnameOf(network, macNumber(3), undefined), undefined)
  t.end()
})

t.test('the loader is that of the machine, of its network, or iPXE', (t) => {
  const signed = aNetwork({ loader: 'shim-grub' })
  const own = { ...ram, mac: one, hostname: undefined, loader: 'ipxe' as const }
  const plans = plansFor({ machines: [own] })
  t.equal(plans.loaderOf(signed, one), 'ipxe')
  t.equal(plans.loaderOf(signed, two), 'shim-grub')
  t.equal(plans.loaderOf(aNetwork(), two), 'ipxe')
  t.end()
})

t.test(
  'what is offered in mode proxy is fixed by the machine, by its network, or found by the ladder',
  (t) => {
    const fixed = aNetwork({ mode: 'proxy', proxyOffer: 'boot-server' })
    const own = { ...ram, mac: one, hostname: undefined, proxyOffer: 'ladder' as const }
    const plans = plansFor({ machines: [own] })
    t.equal(plans.proxyOfferOf(fixed, one), 'ladder')
    t.equal(plans.proxyOfferOf(fixed, two), 'boot-server')
    t.equal(plans.proxyOfferOf(aNetwork({ mode: 'proxy' }), two), 'ladder')
    t.end()
  },
)

t.test('a machine is for the cluster that its entry, or the defaults, name, once it is approved', (t) => {
  const entry = { ...ram, mac: one, hostname: undefined, cluster: 'prod', labels: { rack: 'r1' } }
  const settings = { machines: [entry], defaults: { ...ram, cluster: 'lab' as const, zone: 'hall-2' } }
  t.equal(plansFor(settings).joinOf(one, undefined), undefined, 'nobody has approved it')
  const plans = plansFor({ ...settings, approve: { kind: 'all' } })
  const none = { role: 'worker', taints: [] }
  t.strictSame(plans.joinOf(one, undefined), {
    ...none,
    cluster: 'prod',
    labels: { rack: 'r1' },
    zone: 'hall-2',
  })
  t.strictSame(plans.joinOf(two, undefined), { ...none, cluster: 'lab', labels: {}, zone: 'hall-2' })
  const local = plansFor({ approve: { kind: 'all' }, defaults: { ...ram, method: 'local', cluster: 'lab' } })
  t.equal(local.joinOf(one, undefined), undefined, 'what its disk has already is no matter of the box')
  t.end()
})

function plansFor(changes: Partial<Config> = {}): Plans {
  const config = aConfig(changes)
  return plansOf(config, new ImageShelf(config))
}
