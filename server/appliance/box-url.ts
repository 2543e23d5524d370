/** Where a machine reaches the box: at the address of it that it asks, by plain HTTP. */
export function boxUrl(address: string, port: number): string {
  return `http://${address}:${port}`
}
