import express, { Router } from 'express'
import type { Cluster } from '../clusters/cluster.ts'
import type { KubeNode } from '../clusters/kube-node.ts'
import { sendProblem } from './problem.ts'

/** What the API can be asked of clusters. The appliance gives it. */
export type ClusterDesk = {
  readonly list: () => readonly ClusterSummary[]
  readonly find: (name: string) => ClusterSummary | undefined
  /** Makes or adds a cluster as the order says, which is looked at here. */
  readonly make: (order: unknown) => Promise<MadeCluster>
  /** One that has machines stays. */
  readonly remove: (name: string) => Promise<RemovedCluster>
  /** A kubeconfig by which a person administers the cluster, with `server` in place of its endpoint where given. */
  readonly kubeconfig: (name: string, server: string | undefined) => Promise<GivenText>
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

/** A kubeconfig with a few certificates, and room to spare. */
const mostOrder = '2mb'

/** The clusters of the API. What they give is for whoever owns the box: they are mounted on no other listener. */
export function clusterRoutes(desk: ClusterDesk): Router {
  const routes = Router()
  routes.get('/', (_request, response) => {
    response.json(desk.list())
  })
  routes.post('/', express.json({ limit: mostOrder }), async (request, response) => {
    const made = await desk.make(request.body)
    if (made.kind === 'refused') problem(response, 422, 'There will be no such cluster', made.because)
    else response.status(201).json(made)
  })
  routes.get('/:name', (request, response) => {
    const found = desk.find(request.params.name)
    if (found === undefined) unknown(response, request.params.name)
    else response.json(found)
  })
  routes.delete('/:name', async (request, response) => {
    const { name } = request.params
    const removed = await desk.remove(name)
    switch (removed.kind) {
      case 'unknown':
        return unknown(response, name)
      case 'refused':
        return problem(response, 409, 'It has machines', removed.because)
      case 'removed':
        response.status(204).end()
    }
  })
  // It makes a new key each time, so it is no GET.
  routes.post('/:name/kubeconfig', express.json({ limit: mostOrder }), async (request, response) => {
    const { name } = request.params
    const server: unknown = request.body?.server
    if (server !== undefined && typeof server !== 'string') {
      problem(response, 422, 'No kubeconfig', 'server is not text')
      return
    }
    give(response, name, await desk.kubeconfig(name, server))
  })
  routes.get('/:name/node-config', (request, response) => {
    const { name } = request.params
    give(response, name, desk.nodeConfig(name))
  })
  return routes
}

function problem(response: express.Response, status: number, title: string, detail: string): void {
  sendProblem(response, { status, title, detail })
}

function give(response: express.Response, name: string, given: GivenText): void {
  switch (given.kind) {
    case 'unknown':
      return unknown(response, name)
    case 'refused':
      return problem(response, 409, 'It cannot be given', given.because)
    case 'text':
      response.set('Cache-Control', 'no-store').type('application/yaml').send(given.text)
  }
}

function unknown(response: express.Response, name: string): void {
  problem(response, 404, 'No such cluster', `no cluster has the name ${name}`)
}
