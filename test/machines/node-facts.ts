const usual = {
  time: '1800000000',
  cgroup: 'v2',
  swap: 'off',
  containerd: '2.2.1',
  kubeadm: '1.36.5',
  modules: 'overlay br_netfilter',
  memory: '4000000000',
  'disk-free': '20000000000',
  uuid: '4C4C4544-0042-3510-8058-B4C04F4D3232',
  address: '10.20.0.31',
  leftovers: 'none',
}

/** What a node that fits posts before it joins; what is given replaces a word, and `undefined` leaves it out. */
export function nodeFactsText(changes: Readonly<Record<string, string | undefined>> = {}): string {
  const lines = Object.entries({ ...usual, ...changes }).flatMap(([word, value]) =>
    value === undefined ? [] : [`${word} ${value}\n`],
  )
  return `ironwake-node 1\n${lines.join('')}`
}
