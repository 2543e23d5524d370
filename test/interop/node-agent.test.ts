import { spawn, type ChildProcess } from 'node:child_process'
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
import { dirname, join } from 'node:path'
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
  systemctl: 'echo "systemctl $*" >>"$CALLS"',
  sleep: 'exec /bin/sleep 0.05',
  sync: 'exit 0',
}

const controlPlane = { role: 'control-plane', labels: {}, taints: [] } as const

/** A system with its credential on the disk, the agent installed, and the box that it asks. */
async function aSystem(t: Test, { shell, applets }: (typeof shells)[number], kubeadm: string) {
  const box = await aJoiningBox(t, { 1: controlPlane }, { kubernetes: '1.34.1' })
  const asked: string[] = []
  const gate = { away: false }
  const routes = Object.fromEntries(
    Object.keys(box.box.clusters.routes).map((word): [string, NodeRoute] => [
      word,
      {
        mostBytes: 4_096,
        async answer(question) {
          asked.push(`${word} ${word === 'join' ? '' : question.body.trim()}`.trim())
          if (gate.away) throw new Error('the box is away')
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
  t.teardown(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
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

/** Copies what it was given to where a test sees it, and leaves what a kubeadm that ends well leaves. */
const endsWell =
  'if [ "$1" = reset ]; then exit 0; fi\ncp "$3" "$ROOT/seen.yaml"; mkdir -p "$ROOT/etc/kubernetes"; echo k >"$ROOT/etc/kubernetes/kubelet.conf"'

for (const one of shells) {
  const { name } = one
  const options = needs(one.shell[0], 'curl', 'openssl', 'tar')

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
}
