/**
 * The live document: a Yjs replica, kept on this device and synced with the server.
 *
 * Stock y-websocket, listened to: what is sent is counted, what the server adds (acks, roles,
 * events, denials) is read. Says what it knows and nothing more; React renders it.
 */
import * as decoding from 'lib0/decoding'
import { equalityDeep } from 'lib0/function'
import { IndexeddbPersistence } from 'y-indexeddb'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

import type { Person, RoleName } from '../api'
import { verdictOn } from './closeCodes'
import { type End, sleep, slowDown } from './pause'
import { describe, initial, isSaved, next, type SaveEvent } from './saveState'

export type PageFacts = {
  document: { id: string; title: string; role: RoleName; owner: Person }
  me: Person & { isGuest: boolean }
  link: string | null
  schema: number
  maxFileBytes: number
}

/** Why the page stopped or waits, or what was refused. */
export type Notice = { about: 'stop' | 'pause' | 'refusal'; words: string }

export type ConnectionState = {
  connection: 'live' | 'connecting' | 'offline' | 'paused' | 'stopped'
  save: ReturnType<typeof describe>
  role: RoleName
  title: string
  people: Person[] // those who are here, each once, without oneself
  notice: Notice | null
  isLoaded: boolean // there is content to show
}

const MESSAGE_DENIED = 2
const MESSAGE_EXTENSION = 100
const SAID_OFFLINE_AFTER_MS = 4000
const LOCAL_COPY_WITHIN_MS = 1500

/** Whether a frame that we send carries an update: SyncStep2 or Update. */
export const carriesUpdate = (frame: Uint8Array) =>
  frame[0] === 0 && (frame[1] === 1 || frame[1] === 2)

export class Connection {
  readonly doc = new Y.Doc()
  readonly provider: WebsocketProvider
  private readonly local: IndexeddbPersistence
  private readonly unsavedKey: string
  private readonly reloadKey: string
  private readonly listeners = new Set<() => void>()
  private save
  private offlineTimer: ReturnType<typeof setTimeout> | undefined
  private endPause: End | undefined
  state: ConnectionState

  constructor(private readonly facts: PageFacts) {
    const key = `collab:${facts.me.id}:${facts.document.id}`
    this.unsavedKey = `${key}:unsaved`
    this.reloadKey = `${key}:reloaded`
    this.save = initial(Number(localStorage.getItem(this.unsavedKey) ?? 0))
    this.state = {
      connection: 'connecting',
      save: describe(this.save),
      role: facts.document.role,
      title: facts.document.title,
      people: [],
      notice: null,
      isLoaded: false,
    }
    this.local = new IndexeddbPersistence(key, this.doc)
    this.provider = this.makeProvider()
    this.listen()
    void this.begin()
  }

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly snapshot = () => this.state

  get mayWrite() {
    return this.state.role === 'editor' || this.state.role === 'owner'
  }

  /** Give up what this device kept and the server refused. */
  async discardLocalCopy() {
    this.provider.destroy()
    await this.local.clearData()
    localStorage.removeItem(this.unsavedKey)
    location.reload()
  }

  private makeProvider() {
    const { facts } = this
    const count = () => this.note({ type: 'sent' })
    class CountingSocket extends WebSocket {
      override send(data: Uint8Array<ArrayBuffer>) {
        if (carriesUpdate(data)) count()
        super.send(data)
      }
    }
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    return new WebsocketProvider(
      `${scheme}://${location.host}/ws/documents`,
      facts.document.id,
      this.doc,
      {
        connect: false,
        disableBc: true, // each tab is a member of its own: what it shows has come by the server
        maxBackoffTime: 2500 + Math.random() * 2500,
        params: {
          schema: String(facts.schema),
          ack: 'count',
          events: '1',
          ...(facts.link ? { link: facts.link } : {}),
        },
        WebSocketPolyfill: CountingSocket as unknown as typeof WebSocket,
      },
    )
  }

  private async begin() {
    // The local copy first, so that the page is not empty while the network is slow.
    const patience = new Promise((resolve) => setTimeout(resolve, LOCAL_COPY_WITHIN_MS))
    await Promise.race([this.local.whenSynced, patience])
    if (this.doc.getXmlFragment('content').length > 0) this.change({ isLoaded: true })
    if (navigator.onLine) this.provider.connect()
    else this.change({ connection: 'offline' })
  }

  private listen() {
    const { provider } = this
    provider.awareness.setLocalStateField('user', {
      name: this.facts.me.name,
      color: this.facts.me.color,
    })
    provider.awareness.on('change', () => {
      const people = this.peopleHere()
      // A caret that moves is no reason to draw the page anew.
      if (!equalityDeep(people, this.state.people)) this.change({ people })
    })
    provider.on('status', ({ status }) => {
      if (status === 'connecting') this.note({ type: 'connecting' })
      if (status === 'disconnected') this.forgetOthersClocks()
      if (status !== 'connected') this.lost()
    })
    provider.on('sync', (isSynced: boolean) => {
      if (!isSynced) return
      this.forgetLoss()
      sessionStorage.removeItem(this.reloadKey)
      this.note({ type: 'synced' })
      // Announce ourselves anew: after a restart the server knows nobody, and others' clocks of
      // us would let our old state pass for old news until its next renewal.
      provider.awareness.setLocalState(provider.awareness.getLocalState())
      this.change({ connection: 'live', isLoaded: true })
    })
    provider.on('connection-close', (event) => {
      this.note({ type: 'connecting' })
      if (event) this.closed(event.code)
    })
    provider.messageHandlers[MESSAGE_DENIED] = (_encoder, decoder) => {
      decoding.readVarUint(decoder)
      this.denied(decoding.readVarString(decoder))
    }
    provider.messageHandlers[MESSAGE_EXTENSION] = (_encoder, decoder) => {
      this.told(JSON.parse(decoding.readVarString(decoder)))
    }
    this.doc.on('update', (_update: Uint8Array, origin: unknown) => {
      if (origin !== provider && origin !== this.local) this.note({ type: 'edited' })
    })
    window.addEventListener('offline', () => {
      if (this.state.connection === 'stopped') return
      this.leavePause()
      provider.disconnect()
      this.note({ type: 'connecting' })
      this.change({ connection: 'offline' })
    })
    window.addEventListener('online', () => {
      if (this.state.connection === 'offline') provider.connect()
    })
  }

  private lost() {
    if (this.state.connection === 'stopped' || this.state.connection === 'paused') return
    if (this.state.connection === 'live') this.change({ connection: 'connecting' })
    this.offlineTimer ??= setTimeout(() => {
      if (this.state.connection === 'connecting') this.change({ connection: 'offline' })
    }, SAID_OFFLINE_AFTER_MS)
  }

  /**
   * The provider forgets who was here, but not their clocks: what the server then says of those
   * who never left would count as known, and they would be missing until they next move.
   */
  private forgetOthersClocks() {
    const { awareness } = this.provider
    for (const client of awareness.meta.keys()) {
      if (client !== awareness.clientID) awareness.meta.delete(client)
    }
  }

  private forgetLoss() {
    clearTimeout(this.offlineTimer)
    this.offlineTimer = undefined
  }

  private closed(code: number) {
    const verdict = verdictOn(code)
    if (verdict.then === 'retry') return
    this.provider.disconnect()
    switch (verdict.then) {
      case 'slow-down':
        return this.pause(verdict.words, slowDown)
      case 'sleep':
        return this.pause(verdict.words, sleep)
      case 'reload':
        if (sessionStorage.getItem(this.reloadKey) !== null) break // once is enough
        sessionStorage.setItem(this.reloadKey, '1')
        location.reload()
        return
      case 'stop':
    }
    this.change({ connection: 'stopped', notice: { about: 'stop', words: verdict.words } })
  }

  private pause(words: string, until: (resume: () => void) => End) {
    this.leavePause()
    this.change({ connection: 'paused', notice: { about: 'pause', words } })
    this.endPause = until(() => {
      this.leavePause()
      this.change({ connection: 'connecting' })
      this.provider.connect()
    })
  }

  private leavePause() {
    this.endPause?.()
    this.endPause = undefined
    this.forgetLoss()
    if (this.state.notice?.about === 'pause') this.change({ notice: null })
  }

  private denied(reason: string) {
    if (reason === 'read-only') {
      this.change({
        notice: {
          about: 'refusal',
          words: 'You may only view this document: your last changes were not accepted.',
        },
      })
    }
  }

  private told(said: { type: string; count?: number; role?: RoleName; event?: string; title?: string }) {
    if (said.type === 'saved') this.note({ type: 'acked', count: said.count ?? 0 })
    if (said.type === 'role' && said.role) this.change({ role: said.role })
    if (said.event === 'title') this.change({ title: said.title ?? '' })
  }

  private peopleHere(): Person[] {
    const here = new Map<string, Person>()
    for (const [client, state] of this.provider.awareness.getStates()) {
      const user = state['user'] as Person | undefined
      if (client !== this.doc.clientID && user?.id && user.id !== this.facts.me.id)
        here.set(user.id, user)
    }
    return [...here.values()]
  }

  private note(event: SaveEvent) {
    this.save = next(this.save, event)
    localStorage.setItem(this.unsavedKey, String(this.save.unsaved))
    this.change({ save: describe(this.save) })
  }

  /** Whether leaving now could lose something: never what this device keeps. */
  get isSafeToLeave() {
    return isSaved(this.save) || this.local.synced
  }

  private change(part: Partial<ConnectionState>) {
    const before = this.state
    this.state = { ...before, ...part }
    if (part.save && part.save.words === before.save.words && Object.keys(part).length === 1) return
    for (const listener of this.listeners) listener()
  }
}
