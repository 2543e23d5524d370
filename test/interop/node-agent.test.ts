import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { once } from 'node:events'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { NodeRoute } from '../../server/http/node-routes.ts'
import { aNode, given } from '../access/a-node.ts'
import { aJoiningBox, aRegisteredNode } from '../appliance/a-joining-box.ts'
import { aNodeApi } from '../http/a-node-api.ts'
import { until } from '../http/over-loopback.ts'
import { needs } from './needs.ts'

const folder = fileURLToPath(new URL('../../cloud-init/node/', import.meta.url))

/** The shells, and with each the tools: those of GNU, or those of BusyBox where it has them. */
const shells = [
  { name: 'dash', shell: ['dash'], applets: [] },
  {
    name: 'BusyBox',
    shell: ['busybox', 'sh'],
    applets: 'tar head tail sed cut tr od df find cp mv mkdir rm grep wc cat date timeout sync chmod'.split(
      ' ',
    ),
  },
] as const

/** What stands on a node beside the agent, as far as it asks; `kubeadm` does what a test says. */
const programs: Readonly<Record<string, string>> = {
  ctr: 'exit 0',
  containerd: 'echo containerd github.com/containerd/containerd/v2 2.1.3 0123456',
  modprobe: 'exit 0',
  // What it says of cloud-init and of the whole system is in files; what changes something is noted.
  systemctl:
    'case $1 in show) echo >>"$ROOT/looks"; cat "$ROOT/cloud-final" ;; is-system-running) cat "$ROOT/system" ;; *) echo "systemctl $*" >>"$CALLS" ;; esac',
  sleep: 'exec /bin/sleep 0.05',
  sync: 'exit 0',
}

const controlPlane = { role: 'control-plane', labels: {}, taints: [] } as const

/** A system with its credential on the disk, the agent installed, and the box that it asks: number 1, beside others. */
async function aSystem(
  t: Test,
  { shell, applets }: (typeof shells)[number],
  kubeadm: string,
  others: Parameters<typeof aJoiningBox>[1] = {},
  cluster: Parameters<typeof aJoiningBox>[2] = {},
) {
  const box = await aJoiningBox(t, { 1: controlPlane, ...others }, { kubernetes: '1.34.1', ...cluster })
  const asked: string[] = []
  const gate: { away: boolean; word: string | undefined } = { away: false, word: undefined }
  const routes = Object.fromEntries(
    Object.keys(box.box.clusters.routes).map((word): [string, NodeRoute] => [
      word,
      {
        mostBytes: 4_096,
        async answer(question) {
          asked.push(`${word} ${word === 'join' ? '' : question.body.trim()}`.trim())
          if (gate.away) throw new Error('the box is away')
          if (word === 'ask' && gate.word !== undefined)
            return { kind: 'text', type: 'text/plain', text: `${gate.word}\n` }
          const route = box.box.clusters.routes[word]
          if (route === undefined) throw new Error(word)
          return await route.answer({ ...question, machine: box.idOf(1) })
        },
      },
    ]),
  )
  const api = await aNodeApi(t, { routes })
  const { nonce } = await api.boots()
  const node = aNode()
  const { machine, credential, until: ends } = given((await api.post('enrol', node.enrols(nonce))).body)
  const root = mkdtempSync(join(tmpdir(), 'ironwake-node-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true, maxRetries: 10 }))
  const write = (path: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text, { mode })
  }
  const own = 'etc/ironwake/machine'
  write(`${own}/key.pem`, node.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), 0o600)
  write(`${own}/authorization`, `Authorization: Bearer ${credential}\n`, 0o600)
  write(`${own}/box.pem`, api.authority.certificatePem)
  write(`${own}/box.conf`, `BOX='https://127.0.0.1:${api.port}'\nMACHINE='${machine}'\n`)
  write(`${own}/until`, `${ends}\n`)
  write('usr/local/lib/ironwake/enrolment', readFileSync(join(folder, 'enrolment'), 'utf8'))
  write('var/lib/ironwake/node-prepared', '1.34.1\n')
  const said = '[ "$1" != version ] || { echo v1.34.1; exit 0; }\necho "kubeadm $*" >>"$CALLS"\n'
  for (const [name, text] of Object.entries({ ...programs, kubeadm: said + kubeadm })) {
    write(`bin/${name}`, `#!/bin/sh\n${text}\n`, 0o755)
  }
  for (const applet of applets) {
    if (applet !== 'sync') symlinkSync('/usr/bin/busybox', join(root, 'bin', applet))
  }
  let running: ChildProcess | undefined
  const lines: string[] = []
  // With all that it started, kubeadm first.
  const end = async (): Promise<void> => {
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return
    const exited = once(running, 'exit')
    process.kill(-running.pid, 'SIGKILL')
    await exited
  }
  t.teardown(end)

  return {
    ...box,
    clusterApi: async () => await box.api(),
    api,
    asked,
    gate,
    root,
    write,
    lines,
    read: (path: string) => readFileSync(join(root, path), 'utf8'),
    has: (path: string) => existsSync(join(root, path)),
    modeOf: (path: string) => statSync(join(root, path)).mode & 0o777,
    /** How often it has looked what cloud-init does. */
    looks: () => (existsSync(join(root, 'looks')) ? readFileSync(join(root, 'looks'), 'utf8').length : 0),
    calls: () => (existsSync(join(root, 'calls')) ? readFileSync(join(root, 'calls'), 'utf8') : ''),
    start() {
      const [program = '', ...words] = [...shell, join(folder, 'node-agent'), root]
      const path = `${join(root, 'bin')}:${process.env['PATH'] ?? ''}`
      const env = { PATH: path, CALLS: join(root, 'calls'), ROOT: root }
      const child = spawn(program, words, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
      for (const out of [child.stdout, child.stderr]) {
        out.setEncoding('utf8').on('data', (text: string) => void lines.push(text))
      }
      running = child
      return child
    },
    stop: end,
  }
}

/** Has the agent find its system as a power cut in the middle of cloud-init leaves it; `broken` is what its preparing says. */
function unprepared(system: Awaited<ReturnType<typeof aSystem>>): void {
  rmSync(join(system.root, 'var/lib/ironwake/node-prepared'))
  const program = [
    '#!/bin/sh',
    'echo prepare-node >>"$CALLS"',
    '[ ! -e "$ROOT/broken" ] || { cat "$ROOT/broken"; exit 1; }',
    'echo 1.34.1 >"$ROOT/var/lib/ironwake/node-prepared"',
  ]
  system.write('usr/local/lib/ironwake/prepare-node', `${program.join('\n')}\n`, 0o755)
}

/** Whether somebody waits for the lock on a file that another holds (proc(5), `/proc/locks`). */
function isWaitedFor(file: string): boolean {
  const inode = `:${statSync(file).ino} `
  return readFileSync('/proc/locks', 'utf8')
    .split('\n')
    .some((line) => line.includes('-> FLOCK') && line.includes(inode))
}

/** Copies what it was given to where a test sees it, and leaves what a kubeadm that ends well leaves. */
const endsWell =
  'if [ "$1" = reset ]; then exit 0; fi\ncp "$3" "$ROOT/seen.yaml"; mkdir -p "$ROOT/etc/kubernetes"; echo k >"$ROOT/etc/kubernetes/kubelet.conf"'

for (const one of shells) {
  const { name } = one
  const options = needs(one.shell[0], 'curl', 'openssl', 'tar', 'flock')

  t.test(
    `by ${name} a system makes its cluster, says so, and asks from then on whether something is wanted`,
    options,
    async (t) => {
      const system = await aSystem(t, one, endsWell)
      const { calls, asked, read, has, modeOf, told } = system
      system.start()
      await until(() => told('join-done').length === 1)
      t.match(calls(), /^kubeadm init --config .*\/run\/ironwake\/order\/kubeadm\.yaml\n$/)
      t.match(read('seen.yaml'), /kind: "InitConfiguration"/)
      t.equal(modeOf('etc/kubernetes/pki/ca.key'), 0o600)
      t.equal(modeOf('etc/kubernetes/pki/ca.crt'), 0o644)
      t.equal(modeOf('etc'), 0o755, 'folders that were there keep their modes')
      await until(() => asked.includes('ask joined'))
      t.notOk(has('run/ironwake/order'), 'nothing of the order is left')
      t.notOk(has('run/ironwake/node/answer'))
      t.equal(read('var/lib/ironwake/node-order'), 'init told\n')
      const api = await system.clusterApi()
      api.nodes.create(aRegisteredNode(1, 'True'))
      await until(() => system.machine(1).state === 'active')
    },
  )

  t.test(
    `by ${name} a further control plane joins with the keys of its cluster, and has kube-vip when it has joined`,
    options,
    async (t) => {
      // What kubeadm finds: it joins nobody whose folder of static pods is not empty.
      const looks =
        'cd "$ROOT/etc/kubernetes" && find pki manifests -type f 2>/dev/null | sort >"$ROOT/found"'
      const vip = { vip: '127.9.9.9' }
      const system = await aSystem(t, one, `${endsWell}; ${looks}`, { 2: controlPlane }, vip)
      const { calls, read, has, modeOf, told, asks, says } = system
      t.strictSame((await asks(2, { kubeadm: '1.34.1' })).action, ['init'])
      const api = await system.clusterApi()
      await says(2, 'init-done')
      await until(() => told('cluster-heard').length > 0)
      system.start()
      await until(() => told('join-done').length === 2)
      await until(() => read('var/lib/ironwake/node-order') === 'join-control-plane told\n')
      t.match(calls(), /^kubeadm join --config .*\/kubeadm\.yaml\n$/)
      t.match(
        read('seen.yaml'),
        /kind: "JoinConfiguration"[^]*controlPlane:\s+localAPIEndpoint:\s+advertiseAddress/,
      )
      const secret = ['ca.key', 'etcd/ca.key', 'front-proxy-ca.key', 'sa.key']
      const shown = ['ca.crt', 'etcd/ca.crt', 'front-proxy-ca.crt', 'sa.pub']
      const files = [...secret, ...shown].map((file) => `pki/${file}`)
      t.strictSame(read('found').trim().split('\n'), files.toSorted(), 'the authorities, and no static pod')
      for (const file of secret) t.equal(modeOf(`etc/kubernetes/pki/${file}`), 0o600, file)
      t.match(
        read('etc/kubernetes/manifests/kube-vip.yaml'),
        /127\.9\.9\.9[^]*\/etc\/kubernetes\/admin\.conf/,
      )
      t.notOk(has('run/ironwake/order'), 'nothing of the order is left')
      api.nodes.create(aRegisteredNode(1, 'True'))
      await until(() => system.machine(1).state === 'active')
      await until(() => told('bootstrap-token-deleted').length === 1)
      t.strictSame(api.secrets.all(), [])
    },
  )

  t.test(
    `by ${name} kubeadm that fails is told with its last lines, cleared away, and tried again`,
    options,
    async (t) => {
      const fails =
        'if [ "$1" = reset ]; then exit 0; fi\nmkdir -p "$ROOT/etc/kubernetes"; echo k >"$ROOT/etc/kubernetes/admin.conf"\nprintf "[init] begins\\n[ERROR Port-6443]: \\033[31mPort 6443 is in use\\n"; exit 1'
      const system = await aSystem(t, one, fails)
      const { told, calls, has } = system
      system.start()
      await until(() => told('join-failed').length === 1)
      t.match(told('join-failed'), [{ because: /\[ERROR Port-6443\]: .*Port 6443 is in use/ }])
      await until(() => calls().includes('kubeadm reset'))
      await until(() => told('join-failed').length >= 2)
      await until(() => system.machine(1).state === 'quarantined')
      t.notOk(has('run/ironwake/order/kubeadm.yaml'))
      await until(() => calls().split('kubeadm reset').length >= 2)
    },
  )

  t.test(`by ${name} a system that went down in the middle says so, and begins anew`, options, async (t) => {
    const system = await aSystem(
      t,
      one,
      'if [ "$1" = reset ]; then exit 0; fi\nmkdir -p "$ROOT/etc/kubernetes"; echo k >"$ROOT/etc/kubernetes/admin.conf"\nexec /bin/sleep 60',
    )
    const { read, calls, told } = system
    system.start()
    await until(() => calls().includes('kubeadm init'))
    await system.stop()
    t.equal(read('var/lib/ironwake/node-order'), 'init began\n')
    system.start()
    await until(() => told('join-failed').length === 1)
    t.match(told('join-failed'), [{ because: /started anew while kubeadm was at work/ }])
    t.match(told('cluster-init-given-up'), [{ cluster: 'lab' }])
    await until(() => calls().includes('kubeadm reset --force'))
    await until(() => calls().split('kubeadm init').length === 3)
  })

  t.test(`by ${name} a result that the box did not hear is told until it does`, options, async (t) => {
    const system = await aSystem(t, one, endsWell)
    const { asked, gate, told, read } = system
    system.write('var/lib/ironwake/node-order', 'init done\n')
    gate.away = true
    system.start()
    await until(() => asked.filter((word) => word === 'said init-done').length >= 2)
    t.equal(read('var/lib/ironwake/node-order'), 'init done\n')
    gate.away = false
    await until(() => read('var/lib/ironwake/node-order') === 'init told\n')
    t.strictSame(told('join-failed'), [])
  })

  t.test(
    `by ${name} what it tells of itself is so when the box hears it, however long that was away`,
    options,
    async (t) => {
      const system = await aSystem(t, one, endsWell)
      const { asked, gate, told, root } = system
      // In place of the link to BusyBox, where that is it.
      rmSync(join(root, 'bin/date'), { force: true })
      const date = '#!/bin/sh\necho $(($(/bin/date +%s) + $(cat "$ROOT/passed" 2>/dev/null || echo 0)))\n'
      system.write('bin/date', date, 0o755)
      gate.away = true
      system.start()
      await until(() => asked.filter((word) => word === 'join').length >= 2)
      system.write('passed', '300')
      system.clock.now += 300_000
      gate.away = false
      await until(() => told('join-done').length + told('join-refused').length > 0)
      t.strictSame(told('join-refused'), [])
    },
  )

  t.test(`by ${name} a result that the box does not take is not told without a pause`, options, async (t) => {
    const system = await aSystem(t, one, endsWell)
    const { asked, roster, idOf, clock, root } = system
    const way = {
      cluster: 'lab',
      role: 'worker',
      node: 'node-1',
      phase: 'ordered',
      order: 'join-worker',
    } as const
    roster.joins(idOf(1), { ...way, since: clock.now })
    system.write('bin/sleep', '#!/bin/sh\necho "$1" >>"$ROOT/pauses"; exec /bin/sleep 0.05\n', 0o755)
    system.write('var/lib/ironwake/node-order', 'init done\n')
    system.start()
    await until(() => asked.filter((word) => word === 'said init-done').length >= 4)
    const pauses = existsSync(join(root, 'pauses'))
      ? system.read('pauses').trim().split('\n').map(Number)
      : []
    t.ok(pauses.filter((seconds) => seconds >= 60).length >= 2, `it paused for ${pauses.join(', ')} s`)
  })

  t.test(`by ${name} an expired credential is renewed by the key, and nobody notices`, options, async (t) => {
    const system = await aSystem(t, one, endsWell)
    system.api.clock.now += 25 * 3_600_000
    const before = system.read('etc/ironwake/machine/authorization')
    system.start()
    await until(() => system.told('join-done').length === 1)
    t.not(system.read('etc/ironwake/machine/authorization'), before)
    t.match(system.lines.join(''), /its credential was renewed/)
  })

  t.test(`by ${name} what kubeadm of somebody else has left is not touched`, options, async (t) => {
    const system = await aSystem(t, one, endsWell)
    system.write('etc/kubernetes/kubelet.conf', 'theirs')
    system.start()
    await until(() => system.told('join-refused').length === 1)
    t.match(system.told('join-refused'), [{ cause: 'already-a-node' }])
    t.equal(system.read('etc/kubernetes/kubelet.conf'), 'theirs')
    t.equal(system.calls(), '')
  })

  t.test(
    `by ${name} a system that cloud-init has left unprepared is prepared, and the box is told why it fails`,
    options,
    async (t) => {
      const system = await aSystem(t, one, endsWell)
      const { told, calls, write, asked } = system
      unprepared(system)
      write('cloud-final', 'activating\n')
      write('system', 'starting\n')
      system.start()
      await until(() => system.looks() > 10)
      t.match(system.lines.join(''), /it waits for cloud-init/)
      t.equal(calls(), '', 'nothing is begun beside cloud-init')
      write('broken', 'E: mirror.example could not be resolved\nironwake: \u001b[31mno package list\n')
      write('run/cloud-init/result.json', '{}')
      await until(() => told('join-refused').length === 1)
      t.match(told('join-refused'), [
        { cause: 'not-prepared', because: /could not be resolved.*no package list/ },
      ])
      t.notMatch(JSON.stringify(told('join-refused')), /\\u001b/)
      // Meanwhile it hears what else is wanted of it.
      await until(() => asked.includes('ask unprepared'))
      await until(() => calls().split('prepare-node').length > 3)
      t.equal(told('join-refused').length, 1, 'the same is told once')
      rmSync(join(system.root, 'broken'))
      await until(() => told('join-done').length === 1)
      t.match(calls(), /prepare-node\nkubeadm init/)
      t.match(system.lines.join(''), /this system is prepared/)
    },
  )

  t.test(
    `by ${name} cloud-init counts as over when it has ended, or will not begin any more`,
    options,
    async (t) => {
      const cases = [
        { cloud: 'failed', whole: 'starting' },
        { cloud: 'active', whole: 'starting' },
        { cloud: 'inactive', whole: 'degraded' },
        { cloud: '', whole: '' },
      ]
      for (const { cloud, whole } of cases) {
        const system = await aSystem(t, one, endsWell)
        unprepared(system)
        system.write('cloud-final', `${cloud}\n`)
        system.write('system', `${whole}\n`)
        system.start()
        await until(() => system.has('var/lib/ironwake/node-prepared'))
        await system.stop()
        t.match(system.calls(), /^prepare-node\n/, `${cloud} ${whole}`)
      }
      const system = await aSystem(t, one, endsWell)
      unprepared(system)
      system.write('cloud-final', 'inactive\n')
      system.write('system', 'starting\n')
      system.start()
      await until(() => system.looks() > 10)
      t.equal(system.calls(), '', 'it is still to begin')
    },
  )

  t.test(
    `by ${name} two never prepare a system at once, and what is done is not done again`,
    options,
    async (t) => {
      const system = await aSystem(t, one, endsWell)
      unprepared(system)
      system.write('run/cloud-init/result.json', '{}')
      const lock = join(system.root, 'run/ironwake-prepare.lock')
      const holder = spawn('flock', [lock, 'sh', '-c', 'echo held; read -r _'], {
        stdio: ['pipe', 'pipe', 'ignore'],
      })
      t.teardown(() => holder.kill())
      await once(holder.stdout, 'data')
      system.start()
      await until(() => isWaitedFor(lock))
      t.equal(system.calls(), '', 'somebody else is at it')
      system.write('var/lib/ironwake/node-prepared', '1.34.1\n')
      holder.stdin.end('\n')
      await until(() => system.told('join-done').length === 1)
      t.notMatch(system.calls(), /prepare-node/)
    },
  )

  t.test(
    `by ${name} a node that is released resets kubeadm, forgets its keys, says so and ends`,
    options,
    async (t) => {
      // What kubeadm has for leaving etcd.
      const looks =
        'if [ "$1" = reset ]; then (cd "$ROOT/etc/kubernetes" && find pki -type f | sort) >"$ROOT/at-reset"; fi'
      const system = await aSystem(t, one, `${looks}\n${endsWell}`)
      const { told, has, write, calls, read } = system
      const agent = system.start()
      await until(() => told('join-done').length === 1)
      const api = await system.clusterApi()
      api.nodes.create(aRegisteredNode(1, 'True'))
      await until(() => system.machine(1).state === 'active')
      write('var/lib/etcd/member/snap', 'x')
      write('etc/cni/net.d/10-flannel.conflist', '{}')
      const member = ['healthcheck-client.crt', 'healthcheck-client.key']
      for (const file of member) write(`etc/kubernetes/pki/etcd/${file}`, file)
      t.ok(has('etc/kubernetes/pki/ca.key'))
      const ended = once(agent, 'exit')
      await system.box.clusters.release(system.machine(1), { next: 'approved', mode: 'orderly' })
      await system.box.clusters.passTime()
      await system.box.clusters.passTime()
      t.strictSame(await ended, [0, null], 'it is not started again by systemd (Restart=on-failure)')
      t.match(calls(), /\nkubeadm reset --force\n$/)
      const kept = [
        'ca.crt',
        'etcd/ca.crt',
        ...member.map((file) => `etcd/${file}`),
        'front-proxy-ca.crt',
        'sa.pub',
      ]
      t.strictSame(
        read('at-reset').trim().split('\n'),
        kept.map((file) => `pki/${file}`),
        'kubeadm has what it leaves etcd by, and the keys of the authorities are gone',
      )
      const left = [
        'etc/kubernetes/pki',
        'etc/kubernetes/kubelet.conf',
        'var/lib/etcd/member',
        'etc/cni/net.d/10-flannel.conflist',
        'var/lib/ironwake/node-order',
        'run/ironwake/order',
      ]
      t.strictSame(left.filter(has), [], 'nothing of the cluster is left')
      t.equal(system.asked.at(-1), 'said left')
      t.match(told('machine-released'), [{ next: 'approved' }])
      t.equal(system.machine(1).state, 'approved')
    },
  )

  t.test(`by ${name} a member that kubeadm could not take out of etcd is told of`, options, async (t) => {
    const fails =
      'echo "W0101 [reset] Failed to remove etcd member: context deadline exceeded, please manually remove"'
    const system = await aSystem(t, one, `if [ "$1" = reset ]; then ${fails}; fi\n${endsWell}`)
    const { told, write } = system
    const agent = system.start()
    await until(() => told('join-done').length === 1)
    write('etc/kubernetes/manifests/etcd.yaml', 'kind: Pod')
    const ended = once(agent, 'exit')
    await system.box.clusters.release(system.machine(1), { next: 'approved', mode: 'force' })
    await system.box.clusters.passTime()
    await ended
    t.match(told('node-note'), [{ note: /may still be a member of etcd.*context deadline exceeded/ }])
    t.equal(system.asked.at(-1), 'said left')
  })

  t.test(
    `by ${name} a machine that is to be installed again starts by the network, once`,
    options,
    async (t) => {
      const system = await aSystem(t, one, endsWell)
      const { calls, roster } = system
      system.write('var/lib/ironwake/node-order', 'init told\n')
      mkdirSync(join(system.root, 'sys/firmware/efi'), { recursive: true })
      const entries = [
        'BootCurrent: 0003',
        'BootOrder: 0003,0001,0000',
        'Boot0000* UEFI HTTPv4 (MAC:525400000001)\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400000001,1)/IPv6([::]:<->[::]:,0,0)/Uri()',
        'Boot0001* UEFI PXEv4 (MAC:525400000001)\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400000001,1)/IPv4(0.0.0.00.0.0.0,0,0)',
        'Boot0003* ubuntu\tHD(1,GPT,0f3)/File(\\EFI\\ubuntu\\shimx64.efi)',
      ]
      system.write('entries', `${entries.join('\n')}\n`)
      const efibootmgr =
        '#!/bin/sh\nif [ "$*" = -v ]; then cat "$ROOT/entries"; else echo "efibootmgr $*" >>"$CALLS"; fi\n'
      system.write('bin/efibootmgr', efibootmgr, 0o755)
      const chance = (count: number) => crypto.getRandomValues(new Uint8Array(count))
      roster.beginsInstall(system.idOf(1), { attempt: 'a'.repeat(32) }, chance)
      roster.advancesInstall(system.idOf(1), { phase: 'installed' })
      roster.reinstall(system.idOf(1), system.clock.now)
      system.start()
      await until(() => calls().includes('systemctl reboot'))
      t.match(calls(), /^efibootmgr --quiet --bootnext 0001\nsystemctl reboot\n/)
      await until(() => system.lines.join('').includes('it is to be installed anew'))
    },
  )

  t.test(
    `by ${name} a machine that comes from its disk again does not start anew on and on`,
    options,
    async (t) => {
      const system = await aSystem(t, one, endsWell)
      const { asked, gate, calls, told, has } = system
      system.write('var/lib/ironwake/node-order', 'init told\n')
      gate.word = 'reinstall'
      system.start()
      await until(() => asked.filter((word) => word === 'ask joined').length >= 5)
      t.equal(calls().split('systemctl reboot').length - 1, 1)
      t.match(told('node-note'), [{ note: /came from its disk again/ }])
      t.equal(told('node-note').length, 1, 'told once')
      gate.word = 'nothing'
      await until(() => !has('var/lib/ironwake/starts-anew'))
      gate.word = 'reinstall'
      await until(() => calls().split('systemctl reboot').length === 3)
    },
  )

  t.test(`by ${name} a machine that is to start anew does, and keeps its boot order`, options, async (t) => {
    const system = await aSystem(t, one, endsWell)
    system.write('var/lib/ironwake/node-order', 'init told\n')
    mkdirSync(join(system.root, 'sys/firmware/efi'), { recursive: true })
    system.write('bin/efibootmgr', '#!/bin/sh\necho "efibootmgr $*" >>"$CALLS"\n', 0o755)
    system.gate.word = 'reboot'
    system.start()
    await until(() => system.calls().includes('systemctl reboot'))
    t.notMatch(system.calls(), /efibootmgr/)
    await until(() => system.lines.join('').includes('it is to start anew'))
    t.equal(system.read('var/lib/ironwake/node-order'), 'init told\n', 'it is a node still')
  })
}

t.test(
  'systemd finds an order in which all of it starts, though cloud-init ends after everything else',
  needs('systemd-analyze', '/lib/systemd/system/cloud-final.service'),
  async (t) => {
    const units = '/lib/systemd/system'
    t.match(readFileSync(`${units}/cloud-final.service`, 'utf8'), /^After=multi-user\.target$/m)
    const unit = readFileSync(join(folder, 'ironwake-node.service'), 'utf8').replace(
      /^ExecStart=.*/m,
      'ExecStart=/bin/true',
    )
    const verified = (text: string): string => {
      const at = mkdtempSync(join(tmpdir(), 'ironwake-units-'))
      t.teardown(() => rmSync(at, { recursive: true, force: true, maxRetries: 10 }))
      writeFileSync(join(at, 'ironwake-node.service'), text)
      for (const [target, wanted] of [
        ['multi-user.target', join(at, 'ironwake-node.service')],
        ['cloud-init.target', `${units}/cloud-final.service`],
      ] as const) {
        mkdirSync(join(at, `${target}.wants`))
        symlinkSync(wanted, join(at, `${target}.wants`, basename(wanted)))
      }
      const words = ['verify', '--man=no', 'multi-user.target', 'cloud-init.target', 'cloud-final.service']
      const { stderr } = spawnSync('systemd-analyze', words, {
        encoding: 'utf8',
        env: { ...process.env, SYSTEMD_UNIT_PATH: `${at}:` },
      })
      return stderr
    }
    t.notMatch(verified(unit), /ordering cycle/)
    const late = unit.replace(/^After=/m, 'After=cloud-final.service ')
    t.match(verified(late), /ordering cycle/, 'the check would find one')
  },
)
