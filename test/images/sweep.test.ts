import * as fc from 'fast-check'
import t from 'tap'
import { parseImageReference } from '../../server/config/image-name.ts'
import { filesOf, versionName, type Manifest, type ManifestFile } from '../../server/images/manifest.ts'
import { isComplete, newestFirst } from '../../server/images/newest-version.ts'
import { sweep, type SweepRules, type SweepView } from '../../server/images/sweep.ts'
import { parseSha256 } from '../../server/wire/sha256.ts'
import { aManifest } from './a-store.ts'

const rules: SweepRules = { now: 10_000, keep: 2, orphansKeptMs: 1_000, unfinishedKeptMs: 5_000 }

function file(number: number): ManifestFile {
  const sha256 = parseSha256(number.toString(16).padStart(64, '0'))!
  return { sha256, byteCount: number, form: 'plain' }
}

function aView(other: Partial<SweepView>): SweepView {
  const { manifests = [] } = other
  const blobs = manifests.flatMap((manifest) =>
    filesOf(manifest).map(([, { sha256, byteCount }]) => ({ sha256, byteCount, modifiedAt: 0 })),
  )
  return {
    manifests,
    someUnreadable: false,
    blobs,
    unfinished: [],
    pinned: new Set(),
    running: new Set(),
    wanted: [],
    ...other,
  }
}

/** Versions 1 to 5, each with a kernel of its own and an initrd that all share. */
const five = [1, 2, 3, 4, 5].map((number) =>
  aManifest({ kernel: file(number), initrd: file(100) }, { version: `v${number}`, publishedAt: number }),
)

t.test(
  'the newest versions of an image stay, the others go with the blobs that are theirs alone',
  async (t) => {
    const { versions, blobs } = sweep(aView({ manifests: five }), rules)
    t.strictSame(versions, ['noble@v3', 'noble@v2', 'noble@v1'])
    t.strictSame(
      blobs.map(({ sha256 }) => sha256).toSorted(),
      [1, 2, 3].map((n) => file(n).sha256),
    )
  },
)

t.test('what a pin, a boot under way or a machine uses stays', async (t) => {
  const view = aView({
    manifests: five,
    pinned: new Set(['noble@v1']),
    running: new Set(['noble@v2']),
    wanted: [parseImageReference('noble@v3')!, parseImageReference('noble')!],
  })
  t.strictSame(sweep(view, rules), { versions: [], blobs: [], unfinished: [] })
})

t.test('own images stay', async (t) => {
  const manifests = five.map((manifest) => ({
    ...manifest,
    origin: { kind: 'file' as const, path: '/srv/noble.img' },
  }))
  t.strictSame(sweep(aView({ manifests }), rules).versions, [])
})

t.test('a version that lacks a file does not count as one of those kept', async (t) => {
  const view = aView({ manifests: five })
  const blobs = view.blobs.filter(({ sha256 }) => sha256 !== file(5).sha256)
  t.strictSame(sweep({ ...view, blobs }, rules).versions, ['noble@v2', 'noble@v1'])
})

t.test('a blob that no version names goes when it is old', async (t) => {
  const blobs = [
    { ...file(7), modifiedAt: 9_000 },
    { ...file(8), modifiedAt: 9_001 },
  ]
  t.strictSame(
    sweep(aView({ blobs }), rules).blobs.map(({ byteCount }) => byteCount),
    [7],
  )
})

t.test('while a manifest cannot be read, no blob goes', async (t) => {
  const { versions, blobs } = sweep(aView({ manifests: five, someUnreadable: true }), rules)
  t.equal(versions.length, 3)
  t.strictSame(blobs, [])
})

t.test('what came only in part goes when nobody can go on with it, or nobody did for long', async (t) => {
  const unfinished = [
    { file: 'new-1.part', sha256: undefined, byteCount: 1, modifiedAt: 10_000 },
    { file: 'old.part', sha256: file(1).sha256, byteCount: 1, modifiedAt: 5_000 },
    { file: 'young.part', sha256: file(2).sha256, byteCount: 1, modifiedAt: 5_001 },
  ]
  t.strictSame(
    sweep(aView({ unfinished }), rules).unfinished.map(({ file }) => file),
    ['new-1.part', 'old.part'],
  )
})

const aName = fc.constantFrom('noble', 'jammy', 'own')
const aVersion = fc.constantFrom('1', '2', '3', '4', '5', '6')
const manifests = fc.uniqueArray(
  fc
    .record({
      name: aName,
      version: aVersion,
      publishedAt: fc.nat(5),
      synced: fc.boolean(),
      files: fc.record(
        { kernel: fc.nat(9), initrd: fc.nat(9), disk: fc.nat(9) },
        { requiredKeys: ['kernel'] },
      ),
    })
    .map(({ name, version, publishedAt, synced, files }): Manifest => {
      const origin: Manifest['origin'] = synced
        ? { kind: 'stream', url: 'https://images.example/', product: name }
        : { kind: 'file', path: name }
      const named = Object.fromEntries(Object.entries(files).map(([role, n]) => [role, file(n)]))
      return aManifest(named, { name, version, publishedAt, origin })
    }),
  { selector: versionName, maxLength: 12 },
)
const versions = fc.array(fc.tuple(aName, aVersion).map(([name, version]) => `${name}@${version}`))
const view = fc
  .record({
    manifests,
    blobs: fc.uniqueArray(
      fc.record({ number: fc.nat(14), modifiedAt: fc.nat(20_000) }).map(({ number, modifiedAt }) => {
        const { sha256, byteCount } = file(number)
        return { sha256, byteCount, modifiedAt }
      }),
      { selector: ({ sha256 }) => sha256 },
    ),
    someUnreadable: fc.boolean(),
    pinned: versions.map((list) => new Set(list)),
    running: versions.map((list) => new Set(list)),
    wanted: fc.array(
      fc.oneof(
        aName,
        fc.tuple(aName, aVersion).map((pair) => pair.join('@')),
      ),
    ),
  })
  .map((parts): SweepView =>
    aView({ ...parts, wanted: parts.wanted.map((text) => parseImageReference(text)!) }),
  )
const anyRules = fc
  .record({ keep: fc.integer({ min: 1, max: 4 }), orphansKeptMs: fc.nat(20_000) })
  .map((some): SweepRules => ({ ...rules, ...some }))

t.test('whatever lies in a store, nothing in use goes', async (t) => {
  fc.assert(
    fc.property(view, anyRules, (view, rules) => {
      const swept = sweep(view, rules)
      const goes = new Set(swept.versions)
      const deleted = new Set(swept.blobs.map(({ sha256 }) => sha256))
      const wanted = view.wanted.flatMap(({ name, version }) =>
        version === undefined ? [] : [`${name}@${version}`],
      )
      for (const version of [...view.pinned, ...view.running, ...wanted]) if (goes.has(version)) return false
      for (const manifest of view.manifests) {
        if (goes.has(versionName(manifest))) continue
        // No version that stays loses a file.
        if (filesOf(manifest).some(([, { sha256 }]) => deleted.has(sha256))) return false
      }
      return true
    }),
    { numRuns: 2_000 },
  )
  t.pass()
})

t.test('whatever lies in a store, the version that a bare name means stays', async (t) => {
  fc.assert(
    fc.property(view, anyRules, (view, rules) => {
      const goes = new Set(sweep(view, rules).versions)
      const sizes = new Map(view.blobs.map(({ sha256, byteCount }) => [sha256, byteCount]))
      return ['noble', 'jammy', 'own'].every((name) => {
        const whole = newestFirst(view.manifests.filter((manifest) => manifest.name === name)).filter(
          (manifest) => isComplete(manifest, sizes),
        )
        return whole.slice(0, rules.keep).every((manifest) => !goes.has(versionName(manifest)))
      })
    }),
    { numRuns: 2_000 },
  )
  t.pass()
})

t.test('whatever lies in a store, a second sweep finds nothing more to forget', async (t) => {
  fc.assert(
    fc.property(view, anyRules, (view, rules) => {
      const first = sweep(view, rules)
      const [gone, deleted] = [new Set(first.versions), new Set(first.blobs)]
      const after = {
        ...view,
        manifests: view.manifests.filter((manifest) => !gone.has(versionName(manifest))),
        blobs: view.blobs.filter((blob) => !deleted.has(blob)),
      }
      const second = sweep(after, rules)
      return second.versions.length === 0 && second.blobs.length === 0
    }),
    { numRuns: 2_000 },
  )
  t.pass()
})

t.test(
  'whatever lies in a store, no more versions of a synced image stay than are kept or used',
  async (t) => {
    fc.assert(
      fc.property(manifests, anyRules, (manifests, rules) => {
        const synced = manifests.filter(({ origin }) => origin.kind === 'stream')
        const goes = new Set(sweep(aView({ manifests: synced }), rules).versions)
        return [...Map.groupBy(synced, ({ name }) => name).values()].every(
          (all) => all.filter((manifest) => !goes.has(versionName(manifest))).length <= rules.keep,
        )
      }),
    )
    t.pass()
  },
)
