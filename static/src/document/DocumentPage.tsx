import './document.css'

import { Alert, Button, Skeleton } from '@mantine/core'
import { lazy, Suspense, useEffect, useMemo, useState, useSyncExternalStore } from 'react'

import { Logo } from '../theme/Logo'
import { SchemeToggle } from '../theme/SchemeToggle'
import type { Connection, PageFacts } from './connection'

import { Presence } from './Presence'
import { States } from './States'
import { Title } from './Title'

const Editor = lazy(() => import('../editor/Editor'))
const ShareDialog = lazy(() => import('../share/ShareDialog'))

type Props = { facts: PageFacts; connection: Connection }

export function DocumentPage({ facts, connection }: Props) {
  const state = useSyncExternalStore(connection.subscribe, connection.snapshot)
  const [isSharing, setSharing] = useState(false)
  useTabTitle(state.title)
  useLeaveGuard(connection)
  const mayWrite = connection.mayWrite
  const place = useMemo(
    () => ({
      documentId: facts.document.id,
      link: facts.link,
      maxFileBytes: facts.maxFileBytes,
    }),
    [facts],
  )
  return (
    <div className="page">
      <header className="bar">
        <a href="/" className="bar-home" aria-label="All documents">
          <Logo />
        </a>
        <span className="bar-title">{state.title || 'Untitled'}</span>
        <States connection={state.connection} save={state.save} role={state.role} />
        <div className="bar-end">
          <Presence me={facts.me} others={state.people} />
          <SchemeToggle />
          {state.role === 'owner' && (
            <Button size="sm" data-testid="share" onClick={() => setSharing(true)}>
              Share
            </Button>
          )}
          {facts.me.isGuest && (
            <Button size="sm" variant="default" component="a" href="/accounts/login/">
              Log in
            </Button>
          )}
        </div>
      </header>
      {state.notice && (
        <Alert className="notice" color="orange" role="alert" title={state.notice.words}>
          {state.notice.about === 'refusal' && (
            <Button size="xs" variant="white" onClick={() => void connection.discardLocalCopy()}>
              Discard them and reload
            </Button>
          )}
        </Alert>
      )}
      <main className="sheet">
        <Title facts={facts} title={state.title} mayWrite={mayWrite} />
        {state.isLoaded ? (
          <Suspense fallback={<Loading />}>
            <Editor
              fragment={connection.doc.getXmlFragment('content')}
              awareness={connection.provider.awareness}
              user={facts.me}
              isEditable={mayWrite}
              place={place}
            />
          </Suspense>
        ) : (
          <Loading />
        )}
      </main>
      {isSharing && (
        <Suspense>
          <ShareDialog
            documentId={facts.document.id}
            opened={isSharing}
            onClose={() => setSharing(false)}
          />
        </Suspense>
      )}
    </div>
  )
}

const Loading = () => (
  <div className="loading" aria-busy="true" aria-label="Loading the document">
    {[88, 96, 92, 64].map((width) => (
      <Skeleton key={width} height={14} width={`${width}%`} radius="sm" mb={14} />
    ))}
  </div>
)

function useTabTitle(title: string) {
  useEffect(() => {
    document.title = `${title || 'Untitled'} · Collab`
  }, [title])
}

/** Ask before leaving only if something would be lost; answer Ctrl-S, which people press. */
function useLeaveGuard(connection: Connection) {
  useEffect(() => {
    const guard = (event: BeforeUnloadEvent) => {
      if (!connection.isSafeToLeave) event.preventDefault()
    }
    const answer = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key === 's') event.preventDefault()
    }
    window.addEventListener('beforeunload', guard)
    window.addEventListener('keydown', answer)
    return () => {
      window.removeEventListener('beforeunload', guard)
      window.removeEventListener('keydown', answer)
    }
  }, [connection])
}
