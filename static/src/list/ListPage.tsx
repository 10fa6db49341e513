import { Alert, Anchor, Button, Skeleton, Tabs, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from 'react'

import { type DocumentInfo, type Person, request } from '../api'
import { Logo } from '../theme/Logo'
import { SchemeToggle } from '../theme/SchemeToggle'
import { Empty } from './Empty'
import { PlusIcon, SearchIcon } from './icons'
import css from './list.module.css'
import type { Filter } from './listing'
import { RenameDialog } from './RenameDialog'
import { Row } from './Row'
import { UndoToast } from './UndoToast'
import { useDocuments } from './useDocuments'
import { UserMenu } from './UserMenu'

const TokensDialog = lazy(() => import('../tokens/TokensDialog'))

export type ListFacts = { me: Person & { username: string } }

const TABS: { value: Filter; label: string }[] = [
  { value: 'all', label: 'All' },
  { value: 'mine', label: 'Mine' },
  { value: 'shared', label: 'Shared with me' },
  { value: 'starred', label: 'Starred' },
  { value: 'trash', label: 'Trash' },
]

export function ListPage({ me }: ListFacts) {
  const { filter, setFilter, search, setSearch } = usePlace()
  const [words] = useDebouncedValue(search.trim(), 200)
  const list = useDocuments(filter, words)
  const [isCreating, setCreating] = useState(false)
  const [renamed, setRenamed] = useState<DocumentInfo | null>(null)
  const [trashed, setTrashed] = useState<DocumentInfo | null>(null)
  const [isShowingTokens, setShowingTokens] = useState(false)
  const rows = useRef<HTMLUListElement>(null)
  const forgetTrashed = useCallback(() => setTrashed(null), [])

  const create = async () => {
    if (isCreating) return // a double click is one document
    setCreating(true)
    const isMade = await list.attempt(async () => {
      const made = await request<DocumentInfo>('POST', 'documents', { title: '' })
      location.assign(`/d/${made.id}`)
    })
    if (!isMade) setCreating(false)
  }
  const trash = (each: DocumentInfo) =>
    list.attempt(async () => {
      await request('DELETE', `documents/${each.id}`)
      list.hide(each.id)
      setTrashed(each)
      rows.current?.focus() // the row that had the focus is gone
    })
  const restore = (each: DocumentInfo) =>
    list.attempt(async () => {
      list.show(await request<DocumentInfo>('POST', `documents/${each.id}/restore`))
      setTrashed(null)
      rows.current?.focus()
    })

  const star = (each: DocumentInfo) =>
    list.attempt(async () => {
      await request(each.starred ? 'DELETE' : 'PUT', `documents/${each.id}/star`)
      list.show(await request<DocumentInfo>('GET', `documents/${each.id}`))
    })

  return (
    <>
      <header className={css.bar}>
        <Anchor href="/" className={css.brand} underline="never" c="inherit">
          <Logo /> Collab
        </Anchor>
        <TextInput
          className={css.search}
          data-testid="search"
          aria-label="Search documents"
          placeholder="Search documents"
          type="search"
          maxLength={200}
          leftSection={<SearchIcon />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <SchemeToggle />
        <UserMenu me={me} onTokens={() => setShowingTokens(true)} />
      </header>
      <main className={css.main}>
        <div className={css.head}>
          <Title order={1} className={css.heading}>
            Documents
          </Title>
          <Button
            data-testid="new-document"
            leftSection={<PlusIcon />}
            loading={isCreating}
            onClick={() => void create()}
          >
            New document
          </Button>
        </div>
        <Tabs value={filter} onChange={(value) => value && setFilter(value as Filter)}>
          <Tabs.List className={css.tabs}>
            {TABS.map(({ value, label }) => (
              <Tabs.Tab key={value} value={value}>
                {label}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {list.problem && (
            <Alert color="red" variant="light" mt="md" role="alert" title={list.problem}>
              {list.documents === null && (
                <Button size="xs" variant="white" onClick={() => void list.read()}>
                  Try again
                </Button>
              )}
            </Alert>
          )}
          <Tabs.Panel value={filter}>
            <ul
              ref={rows}
              className={css.list}
              data-testid="doc-list"
              aria-label="Documents"
              aria-busy={list.isReading}
              tabIndex={-1}
            >
              {list.documents?.map((each) => (
                <Row
                  key={each.id}
                  document={each}
                  onStar={() => void star(each)}
                  onRename={() => setRenamed(each)}
                  onTrash={() => void trash(each)}
                  onRestore={() => void restore(each)}
                />
              ))}
            </ul>
            {list.documents === null && list.isReading && <Loading />}
            {list.documents?.length === 0 && (
              <Empty
                filter={filter}
                words={words}
                onCreate={() => void create()}
                onClear={() => setSearch('')}
              />
            )}
            {list.readMore && (
              <div className={css.loadMore}>
                <Button variant="default" loading={list.isReading} onClick={list.readMore}>
                  Load more
                </Button>
              </div>
            )}
          </Tabs.Panel>
        </Tabs>
      </main>
      {isShowingTokens && (
        <Suspense>
          <TokensDialog onClose={() => setShowingTokens(false)} />
        </Suspense>
      )}
      {renamed && (
        <RenameDialog
          document={renamed}
          onClose={() => setRenamed(null)}
          onRenamed={(answer) => {
            list.show(answer)
            setRenamed(null)
          }}
        />
      )}
      {trashed && (
        <UndoToast
          key={trashed.id}
          title={trashed.title || 'Untitled'}
          onUndo={() => void restore(trashed)}
          onClose={forgetTrashed}
        />
      )}
    </>
  )
}

const Loading = () => (
  <div className={css.loading} aria-hidden="true">
    {[46, 62, 38, 54].map((width) => (
      <Skeleton key={width} height={14} width={`${width}%`} radius="sm" />
    ))}
  </div>
)

/** Tab and search, kept in the address: whoever comes back from a document finds them again. */
function usePlace() {
  const [filter, setFilter] = useState<Filter>(() => {
    const asked = new URLSearchParams(location.search).get('filter')
    return TABS.find((tab) => tab.value === asked)?.value ?? 'all'
  })
  const [search, setSearch] = useState(() => new URLSearchParams(location.search).get('q') ?? '')
  useEffect(() => {
    const place = new URLSearchParams()
    if (filter !== 'all') place.set('filter', filter)
    if (search) place.set('q', search)
    history.replaceState(null, '', place.size ? `/?${place}` : '/')
  }, [filter, search])
  return { filter, setFilter, search, setSearch }
}
