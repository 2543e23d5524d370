import type { ApiToken } from '../../server/access/api-token.ts'
import { auditStart, nextAuditRow, type AuditEntry, type AuditRow } from '../../server/access/audit-chain.ts'
import type { AuditDesk } from '../../server/http/audit.ts'
import type { ApiDesk, MachineSummary } from '../../server/http/api-app.ts'
import type { ClusterSummary } from '../../server/http/cluster-routes.ts'
import { uuidNumber } from '../machines/sightings.ts'
import { aLease, ip, macNumber } from '../networks/a-network.ts'
import { aMachine, anAttempt, byMacAlone } from '../store/records.ts'

const powered = { kind: 'powered', way: 'redfish', state: 'on', remarks: ['it was on already'] } as const

const summary: MachineSummary = {
  machine: aMachine({
    proxy: { strategy: 'with-43', worked: true, failures: 0 },
    rounds: { ways: ['pxe'], count: 1, since: 1, began: 1, latest: 2 },
    chained: { xid: 7, count: 1, latest: 5 },
    bootNext: { action: 'local', askedAt: 5 },
    disks: {
      at: 5,
      seen: [
        {
          name: 'vda',
          bytes: 20e9,
          serial: 'A',
          wwn: undefined,
          path: undefined,
          model: 'x',
          isRemovable: false,
          isReadOnly: false,
          usedBy: [],
          holds: ['gpt'],
        },
      ],
    },
    shown: {
      mac: macNumber(1),
      network: 'rack',
      uuid: uuidNumber(1),
      serial: 'S1',
      alsoOf: 'M0000002',
    },
    claimedTwiceAt: 6,
    claim: 'KTW-RXP',
    failure: 'kernel-not-fetched',
    approval: {
      by: 'person',
      at: 5,
      macs: [macNumber(1)],
      hostname: 'node-1',
      method: 'ram',
      image: 'noble',
      once: true,
      claim: 'compared',
      claimedAt: 4,
      doneAt: 9,
      cluster: 'lab',
      role: 'worker',
      labels: { rack: 'r1' },
      taints: [
        { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' },
        { key: 'x', effect: 'NoExecute' },
      ],
      zone: 'hall-2',
      disk: 'serial=A',
      wipe: true,
    },
  }),
  attempt: anAttempt({ endedAt: 9, result: 'installed' }),
  lease: aLease({ hostname: 'node-1' }),
  identity: { tier: 'claim', because: 'a test', tooWeak: 'a test' },
  join: {
    cluster: 'lab',
    role: 'worker',
    labels: { rack: 'r1' },
    taints: [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }],
    zone: 'hall-2',
  },
  disk: {
    written: { serial: 'A', wwn: '0x5000', path: 'pci-0000:03:00.0-nvme-1', bytes: 20e9 },
    wanted: 'serial=A',
  },
  credentialLost: { because: 'revoked', nextStep: 'Have it installed again.' },
  failure: { cause: 'kernel-not-fetched', meaning: 'It never asked.', nextStep: 'Look at it.' },
}

const aToken: ApiToken = {
  id: '0a1b2c3d',
  name: 'ci',
  role: 'viewer',
  hash: 'f'.repeat(64),
  madeAt: 1,
  madeBy: 'the owner of the box',
  expiresAt: 9,
  lastUsedAt: 5,
  revokedAt: 7,
}

const authorities = { ca: 'CA', etcdCa: 'ETCD', frontProxyCa: 'FRONT', serviceAccount: 'KEY' }

/** One cluster of each kind, with all that there can be said of it. */
const clusters: readonly ClusterSummary[] = [
  {
    cluster: {
      kind: 'managed',
      name: 'lab',
      createdAt: 5,
      kubernetes: '1.36.5',
      endpoint: '10.20.0.5:6443',
      vip: ip('10.20.0.5'),
      podSubnet: '10.244.0.0/16',
      serviceSubnet: '10.96.0.0/12',
      dnsDomain: 'cluster.local',
      podNetwork: 'flannel',
      authorities,
      init: {
        machine: 'M0000001',
        endpoint: '10.20.0.11:6443',
        since: 5,
        phase: 'done',
        podNetwork: 'flannel',
      },
    },
    caCertHash: 'sha256:00',
    caEndsAt: 9,
    locked: 'its key is not there',
    nodes: {
      kind: 'heard',
      nodes: [
        {
          name: 'node-1',
          uid: 'u1',
          resourceVersion: '7',
          labels: { rack: 'r1' },
          unschedulable: false,
          providerId: 'ironwake://M0000001',
          taints: [{ key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }],
          systemUuid: 'S1',
          kubeletVersion: 'v1.36.5',
          addresses: [{ type: 'InternalIP', address: '10.20.0.11' }],
          ready: { status: 'True', reason: 'KubeletReady', message: '' },
          machine: 'M0000001',
        },
      ],
    },
  },
  {
    cluster: {
      kind: 'external',
      name: 'prod',
      createdAt: 5,
      kubernetes: '1.36.5',
      server: 'https://10.1.0.10:6443',
      ca: 'CA',
      tlsServerName: 'kubernetes',
      credential: { kind: 'certificate', certificate: 'CERT' },
    },
    caCertHash: 'sha256:11',
    caEndsAt: 9,
    nodes: { kind: 'silent', because: 'nobody answers there' },
  },
]

/** What the API can be asked, over a box with one machine; what is given replaces a part. */
export function aDesk(given: Partial<ApiDesk> = {}): ApiDesk {
  return {
    status: () => ({
      version: '0.1.0',
      startedAt: 5,
      networks: [
        { name: 'rack', interface: 'eth1', mode: 'full', serverAddress: '10.0.0.1', problem: 'none' },
      ],
      jobs: [
        {
          name: 'sweep-records',
          when: '17 * * * *',
          running: false,
          last: { startedAt: 1, endedAt: 2, outcome: 'nothing', failed: false },
          nextAt: 9,
        },
      ],
    }),
    machines: () => [summary],
    meant: () => undefined,
    find: () => [summary],
    diagnose: async () =>
      await Promise.resolve({
        verdict: 'boot-loop',
        outlook: 'fault',
        meaning: 'It boots again and again.',
        because: 'three boots in a row',
        causes: ['the disk'],
        nextStep: 'Look at it.',
        since: 5,
        before: {
          verdict: 'under-way',
          outlook: 'under-way',
          meaning: 'The boot goes on.',
          because: 'it was seen',
          causes: [],
          since: 5,
        },
      }),
    capture: () => Uint8Array.of(0xa1, 0xb2, 0xc3, 0xd4),
    events: async () =>
      await Promise.resolve([
        { id: 1, at: 2, machine: 'M0000001', event: { kind: 'job-ran', job: 'sweep', outcome: 'done' } },
      ]),
    subscribe: () => () => {},
    authority: () => '-----BEGIN CERTIFICATE-----\n',
    tokens: {
      list: () => [aToken],
      make: async () => await Promise.resolve({ kind: 'refused', because: 'not here' }),
      revoke: async () => await Promise.resolve({ kind: 'done' }),
    },
    approve: async () => await Promise.resolve({ kind: 'done', remarks: ['it waits for an image'] }),
    unapprove: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    release: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    reinstall: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    plan: async () =>
      await Promise.resolve({
        kind: 'planned',
        plan: {
          machine: 'M0000001',
          mac: macNumber(1),
          network: 'rack',
          identity: { ...byMacAlone, tooWeak: 'the network rack wants more' },
          language: 'ipxe',
          approved: true,
          because: 'the settings approve it',
          wishes: ['method ram, by the defaults of the settings'],
          script: 'run-image',
          scriptBecause: 'it is approved',
          image: 'noble',
          disk: { kind: 'disk', disk: 'vda', because: 'it is the only disk', at: 5 },
          notJoining: 'there is no cluster lab',
          files: [
            { file: 'script', text: '#!ipxe' },
            { file: 'user-data', refused: 'it cannot be made' },
          ],
          since: { at: 5, attempt: 'a1', script: 'wait', changes: [{ file: 'script', lines: ['+ boot'] }] },
        },
      }),
    retry: async () => await Promise.resolve({ kind: 'done', remarks: [] }),
    bootNext: async () => await Promise.resolve({ kind: 'done' }),
    power: {
      turn: async () => await Promise.resolve(powered),
      state: async () => await Promise.resolve(powered),
      startFromNetwork: async () => await Promise.resolve(powered),
    },
    clusters: {
      list: () => clusters,
      find: () => clusters[0],
      make: async () => await Promise.resolve({ kind: 'refused', because: 'not here' }),
      remove: async () => await Promise.resolve({ kind: 'removed' }),
      kubeconfig: async () => await Promise.resolve({ kind: 'text', text: 'kind: Config\n' }),
      nodeConfig: () => ({ kind: 'text', text: '#cloud-config\n' }),
    },
    audit: auditInMemory(),
    ...given,
  }
}

/** The chain as it is, in memory. */
export function auditInMemory() {
  const rows: AuditRow[] = []
  const head = () => rows.at(-1) ?? auditStart
  const write = async (entry: AuditEntry): Promise<number> => {
    const row = nextAuditRow(head(), entry, 5)
    rows.push(row)
    return await Promise.resolve(row.seq)
  }
  const desk: AuditDesk = {
    write,
    writeRefused: async (entry) => void (await write(entry)),
    rows: async ({ after, limit }) =>
      await Promise.resolve(after === undefined ? rows.slice(-limit) : rows.slice(after, after + limit)),
    head: async () => await Promise.resolve({ seq: head().seq, hash: head().hash }),
  }
  return desk
}
