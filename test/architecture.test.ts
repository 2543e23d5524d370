import { readdirSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const server = fileURLToPath(new URL('../server/', import.meta.url))

/** Folder to the folders it may import; every folder may import itself. `types:` allows `import type` only. */
const mayImport: { readonly [folder: string]: readonly string[] } = {
  wire: [],
  events: ['wire'],
  dhcp: ['wire', 'events'],
  tftp: ['wire', 'events'],
  networks: ['wire', 'events'],
  machines: ['wire', 'events'],
  config: ['wire', 'events'],
  boot: ['wire', 'dhcp', 'networks', 'machines', 'events'],
  'ipxe-scripts': ['wire', 'machines', 'config'],
  'cloud-init': ['wire', 'machines', 'config'],
  images: ['wire', 'machines', 'events', 'config'],
  access: ['wire', 'machines', 'events', 'config'],
  clusters: ['wire', 'machines', 'events', 'config'],
  power: ['wire', 'machines', 'events', 'config'],
  store: ['wire', 'types:events', 'types:networks', 'types:machines', 'types:clusters', 'types:access'],
  listen: [
    'power',
    'types:config',
    'wire',
    'events',
    'dhcp',
    'tftp',
    'networks',
    'machines',
    'boot',
    'images',
    'clusters',
  ],
  http: 'wire events networks machines boot ipxe-scripts cloud-init access types:clusters'.split(' '),
  jobs: ['wire', 'events', 'networks', 'machines', 'store'],
  demo: ['wire', 'events'],
  simulate: ['wire', 'events', 'dhcp', 'tftp'],
  appliance:
    'wire events dhcp tftp networks machines config boot ipxe-scripts cloud-init images clusters power access store listen http jobs'.split(
      ' ',
    ),
  cli: [
    'appliance',
    'config',
    'events',
    'demo',
    'simulate',
    'wire',
    'access',
    'types:http',
    'types:boot',
    'types:images',
    'types:clusters',
  ],
  '.': ['appliance', 'cli', 'events', 'http', 'images', 'listen', 'simulate', 'wire', 'types:config'],
}

const pure = ['wire', 'dhcp', 'tftp', 'networks', 'machines', 'boot', 'ipxe-scripts', 'cloud-init', 'events']
/** Packages without any input or output of their own. */
const purePackages: { readonly [folder: string]: readonly string[] } = { 'cloud-init': ['yaml'] }
const impure =
  /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bprocess\.|\bBuffer\b|\bcrypto\.|\bfetch\(|\bsetTimeout\b/

/** The sockets have one door each. */
const onlyIn: { readonly [module: string]: readonly string[] } = {
  'node:dgram': ['listen'],
  'node:net': ['listen'],
  'node:http': ['listen', 'cli'],
  'node:https': ['listen', 'cli'],
  'node:tls': ['listen'],
  'node:sqlite': ['store'],
  koffi: ['listen'],
}

type Import = { readonly from: string; readonly to: string; readonly typesOnly: boolean }

const files = readdirSync(server, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
)
const sources = new Map(files.map((file) => [file, readFileSync(resolve(server, file), 'utf8')]))
const imports = [...sources].flatMap(([file, text]) => importsOf(file, text))

t.test('the code base was seen', async (t) => {
  t.ok(files.length > 50, `${files.length} files`)
  t.ok(imports.length > 100, `${imports.length} imports`)
  const folders = new Set(files.map(folderOf))
  t.strictSame(
    [...folders].filter((folder) => mayImport[folder] === undefined),
    [],
    'every folder has a row in the table',
  )
  t.strictSame(
    Object.keys(mayImport).filter((folder) => !folders.has(folder)),
    [],
    'every row has a folder',
  )
})

t.test('folders import only whom the table allows', async (t) => {
  const strays = imports
    .filter(({ to }) => to.startsWith('.'))
    .filter(({ from, to, typesOnly }) => {
      const [here, there] = [folderOf(from), folderOf(relative(server, resolve(server, dirname(from), to)))]
      const allowed = mayImport[here] ?? []
      return here !== there && !allowed.includes(there) && !(typesOnly && allowed.includes(`types:${there}`))
    })
  t.strictSame(strays, [])
})

t.test('the pure folders touch neither the system nor the clock nor chance', async (t) => {
  const modules = imports.filter(
    ({ from, to }) =>
      pure.includes(folderOf(from)) && !to.startsWith('.') && !purePackages[folderOf(from)]?.includes(to),
  )
  t.strictSame(modules, [])
  const touching = [...sources]
    .filter(([file, text]) => pure.includes(folderOf(file)) && impure.test(withoutComments(text)))
    .map(([file]) => file)
  t.strictSame(touching, [])
})

t.test('sockets, the database and native code each have one door', async (t) => {
  const strays = imports.filter(({ from, to }) => onlyIn[to]?.includes(folderOf(from)) === false)
  t.strictSame(strays, [])
})

t.test('no file imports in a circle', async (t) => {
  const graph = new Map(files.map((file) => [file, [] as string[]]))
  for (const { from, to } of imports) {
    if (to.startsWith('.')) graph.get(from)?.push(relative(server, resolve(server, dirname(from), to)))
  }
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (path.includes(file) || done.has(file)) return
    for (const next of graph.get(file) ?? []) visit(next, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  t.strictSame(circles, [])
})

t.test('tests ask for their folders where these outlive the teardowns', async (t) => {
  const tests = fileURLToPath(new URL('.', import.meta.url))
  const plain = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== 'folder.ts')
    .filter((file) => /\.testdir\(/.test(readFileSync(resolve(tests, file), 'utf8')))
  t.strictSame(plain, [])
})

t.test('the guard notices what it guards against', async (t) => {
  const [found] = importsOf('dhcp/x.ts', "import { a } from '../listen/udp.ts'\n")
  t.strictSame(found, { from: 'dhcp/x.ts', to: '../listen/udp.ts', typesOnly: false })
  const [asked] = importsOf('boot/x.ts', "const { get } = process.getBuiltinModule('node:http')\n")
  t.match(asked, { to: 'node:http', typesOnly: false })
  t.ok(impure.test('const now = Date.now()'))
})

function importsOf(file: string, text: string): Import[] {
  const statements = withoutComments(text).matchAll(
    /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\b(?:import|getBuiltinModule)\(\s*'([^']+)'\s*\)/gm,
  )
  return [...statements].map((found) => ({
    from: file,
    to: found[2] ?? found[3] ?? '',
    typesOnly: found[1] !== undefined,
  }))
}

function folderOf(file: string): string {
  const [first = '', ...rest] = file.split('/')
  return rest.length === 0 ? '.' : first
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
}
