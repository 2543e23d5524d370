/** Which of a machine's disks is meant: all terms fit it, and of those that fit, the order may choose one. */
export type DiskSelector = {
  /** As a person wrote it. */
  readonly text: string
  readonly terms: readonly DiskTerm[]
  readonly order?: 'smallest' | 'largest'
}

export type DiskTerm =
  | { readonly kind: 'serial' | 'wwn' | 'by-path'; readonly value: string }
  | {
      readonly kind: 'size'
      readonly compare: '=' | '<' | '<=' | '>' | '>='
      readonly bytes: number
    }
