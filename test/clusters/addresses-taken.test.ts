import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkClusters } from '../../server/appliance/check-clusters.ts'
import { parseSubnet } from '../../server/wire/ipv4.ts'
import { testFolder } from '../folder.ts'
import { ip } from '../networks/a-network.ts'
import { aClusterDesk } from './a-cluster-desk.ts'

const rack = { name: 'rack', subnet: parseSubnet('10.20.0.0/24')! }
const pool = { first: ip('10.20.0.2'), last: ip('10.20.0.99') }

t.test(
  'a network that has come to give away the address of a cluster is told at the start and by check',
  async (t) => {
    const folder = testFolder(t)
    t.strictSame(await checkClusters(folder, [rack]), [], 'there is no store yet')
    {
      await using opened = new AsyncDisposableStack()
      const { desk } = await aClusterDesk(opened, folder)
      for (const [name, order] of Object.entries({
        vip: { vip: '10.20.0.5' },
        host: { endpoint: '10.20.0.6' },
        own: { endpoint: '10.20.0.1' },
        name: { endpoint: 'k8s.example' },
        none: {},
      })) {
        t.match(await desk.make({ kind: 'managed', name, ...order }), { kind: 'made' })
      }
    }
    const starts = async (networks: Parameters<typeof checkClusters>[1]) => {
      await using opened = new AsyncDisposableStack()
      const { told } = await aClusterDesk(opened, folder, { networks })
      // As `ironwake check` looks beside an appliance that runs.
      const findings = await checkClusters(folder, networks)
      return { told: told.filter(({ kind }) => kind === 'cluster-address-taken'), findings }
    }
    t.strictSame(await starts([rack]), { told: [], findings: [] })
    const { told, findings } = await starts([{ ...rack, pool }])
    t.match(told, [
      {
        cluster: 'host',
        reachedBy: '10.20.0.6',
        because: /^lies in the pool of the network rack, 10\.20\.0\.2-/,
      },
      { cluster: 'vip', reachedBy: '10.20.0.5', because: /^lies in the pool of the network rack/ },
    ])
    t.equal(told.length, 2)
    t.match(findings, [
      { verdict: 'wrong', subject: 'cluster host', fact: /reached by 10\.20\.0\.6, which lies in the pool/ },
      { verdict: 'wrong', subject: 'cluster vip', nextStep: /Change the network in the settings/ },
    ])

    const reservations = new Map([
      ['52:54:00:00:00:05', { address: ip('10.20.0.5') }],
      ['52:54:00:00:00:06', { address: ip('10.20.0.6') }],
    ])
    t.match(
      (await starts([{ ...rack, pool, reservations, serverAddress: ip('10.20.0.1') }])).told,
      [{ cluster: 'vip', because: 'is reserved for 52:54:00:00:00:05 on the network rack' }],
      'a control plane may have the endpoint, and nobody the address of kube-vip; the box may lead to control planes itself',
    )

    writeFileSync(join(folder, 'ironwake.db'), 'no database')
    t.match(await checkClusters(folder, [rack]), [{ verdict: 'wrong', fact: /is not an Ironwake store/ }])
  },
)
