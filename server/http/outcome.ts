/** What a request comes to: a text to send, or a refusal that says why. */
export type Outcome =
  | { readonly kind: 'text'; readonly text: string; readonly type: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly type: string }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly status: 400 | 403 | 404 | 409 | 413 | 429; readonly because: string }

/** Where a request came from and where it arrived: the address of the box that was asked tells the network. */
export type Arrival = { readonly from: string; readonly to: string }
