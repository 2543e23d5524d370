import type { Response } from 'express'
import type { Cluster } from '../clusters/cluster.ts'
import type { ClusterWish } from '../clusters/cluster-order.ts'
import type { KubeNode } from '../clusters/kube-node.ts'
import { sendProblem } from './problem.ts'
import type { Routes } from './route-by-table.ts'

/** What the API can be asked of clusters. The appliance gives it. */
export type ClusterDesk = {
  readonly list: () => readonly ClusterSummary[]
  readonly find: (name: string) => ClusterSummary | undefined
  /** Makes or adds a cluster as somebody wishes, which is looked at here. */
  readonly make: (wish: ClusterWish) => Promise<MadeCluster>
  /** One that has machines stays. */
  readonly remove: (name: string) => Promise<RemovedCluster>
  /** A kubeconfig by which a person administers the cluster, with this endpoint in place of its own where given. */
  readonly kubeconfig: (name: string, endpoint: string | undefined) => Promise<GivenText>
  /** Cloud-config that makes a system fit to become a node of this cluster. */
  readonly nodeConfig: (name: string) => GivenText
}

export type ClusterSummary = {
  readonly cluster: Cluster
  /** By which nodes know its authority. */
  readonly caCertHash: string
  /** When its authority ends. */
  readonly caEndsAt: number
  /** Why its secrets cannot be used; absent, they can. */
  readonly locked?: string
  /** Its nodes, as its API tells them; absent in lists. */
  readonly nodes?:
    | { readonly kind: 'heard'; readonly nodes: readonly ClusterNode[] }
    | { readonly kind: 'silent'; readonly because: string }
}

/** `machine`: whose it is, by its identifier, where it is one on record here. */
export type ClusterNode = KubeNode & { readonly machine?: string }

export type MadeCluster =
  | {
      readonly kind: 'made'
      readonly summary: ClusterSummary
      /** What could not be looked at. */
      readonly remark?: string
    }
  | { readonly kind: 'refused'; readonly because: string }

export type RemovedCluster =
  | { readonly kind: 'removed' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly because: string }

export type GivenText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly because: string }

/** The clusters of the API. */
export function addClusterRoutes(app: Routes, desk: { readonly clusters: ClusterDesk }): void {
  app.get('/api/v1/clusters', (_request, response) => {
    response.json(desk.clusters.list())
  })
  app.post('/api/v1/clusters', async (_request, response, { body }) => {
    const made = await desk.clusters.make(body)
    if (made.kind === 'refused') {
      problem(response, 409, 'There will be no such cluster', made.because)
      return
    }
    const { summary, remark } = made
    response.json({ ...summary, remarks: remark === undefined ? [] : [remark] })
  })
  app.get('/api/v1/clusters/:name', (request, response) => {
    const found = desk.clusters.find(request.params.name)
    if (found === undefined) unknown(response, request.params.name)
    else response.json(found)
  })
  app.delete('/api/v1/clusters/:name', async (request, response) => {
    const { name } = request.params
    const removed = await desk.clusters.remove(name)
    switch (removed.kind) {
      case 'unknown':
        return unknown(response, name)
      case 'refused':
        return problem(response, 409, 'It has machines', removed.because)
      case 'removed':
        response.status(204).end()
    }
  })
  app.post('/api/v1/clusters/:name/kubeconfig', async (request, response, { body }) => {
    const { name } = request.params
    give(response, name, await desk.clusters.kubeconfig(name, body.endpoint))
  })
  app.get('/api/v1/clusters/:name/node-config', (request, response) => {
    const { name } = request.params
    give(response, name, desk.clusters.nodeConfig(name))
  })
}

function problem(response: Response, status: number, title: string, detail: string): void {
  sendProblem(response, { status, title, detail })
}

function give(response: Response, name: string, given: GivenText): void {
  switch (given.kind) {
    case 'unknown':
      return unknown(response, name)
    case 'refused':
      return problem(response, 409, 'It cannot be given', given.because)
    case 'text':
      response.set('Cache-Control', 'no-store').type('application/yaml').send(given.text)
  }
}

function unknown(response: Response, name: string): void {
  const because = `no cluster has the name ${name}; \`ironwake clusters list\` tells which there are`
  problem(response, 404, 'No such cluster', because)
}
