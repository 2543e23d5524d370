import type { BootPlan } from '../http/boot-plan.ts'

/** What a machine would be given if it asked now, for a terminal. */
export function planLines(plan: BootPlan): readonly string[] {
  const { machine, mac, network = '(none)', language, approved, because, wishes } = plan
  return [
    `machine    ${machine}`,
    `asks by    ${mac}, on network ${network}, as ${language === 'grub' ? 'GRUB' : 'iPXE'}`,
    `approved   ${approved ? 'yes' : 'no'}: ${because}`,
    `identity   ${plan.identity.tier}: ${plan.identity.because}`,
    ...(approved ? wishes.map((wish, index) => (index === 0 ? 'to have' : '').padEnd(11) + wish) : []),
    `script     ${plan.script}: ${plan.scriptBecause}`,
    ...(plan.image === undefined ? [] : [`image      ${plan.image}`]),
    ...(plan.disk === undefined ? [] : [`disk       ${diskInWords(plan.disk)}`]),
    ...(plan.notJoining === undefined ? [] : [`no node    ${plan.notJoining}`]),
    ...plan.files.flatMap((one) => [
      '',
      ...('text' in one
        ? [`--- ${one.file}`, one.text.trimEnd()]
        : [`--- ${one.file} cannot be made: ${one.refused}`]),
    ]),
    '',
    ...sinceLines(plan.since),
  ]
}

function diskInWords(disk: NonNullable<BootPlan['disk']>): string {
  const seen = disk.at === undefined ? '' : ` (its disks as told ${new Date(disk.at).toISOString()})`
  return disk.kind === 'disk' ? `${disk.disk}: ${disk.because}${seen}` : `none: ${disk.because}${seen}`
}

function sinceLines(since: BootPlan['since']): readonly string[] {
  if (since === undefined) return ['It was never served a script, so that nothing can be compared.']
  const { at, script, changes } = since
  const last = `since its last script (${script}, ${new Date(at).toISOString()})`
  if (changes.length === 0) return [`Nothing has changed ${last}.`]
  return [`Changed ${last}:`, ...changes.flatMap(({ file, lines }) => [`--- ${file}`, ...lines])]
}
