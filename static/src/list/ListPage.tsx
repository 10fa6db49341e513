import './list.css'

import {
  ActionIcon,
  Anchor,
  Button,
  Menu,
  Skeleton,
  Tabs,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useCallback, useEffect, useState } from 'react'

import { ApiError, type DocumentInfo, type Page, type Person, request } from '../api'
import { Logo } from '../theme/Logo'
import { Avatar } from '../theme/Avatar'
import { SchemeToggle } from '../theme/SchemeToggle'
import { RenameDialog } from './RenameDialog'
import { UserMenu } from './UserMenu'
import { when } from './when'

export type ListFacts = { me: Person & { username: string } }

const TABS = [
  { value: 'all', label: 'All', empty: 'No documents yet. The first one is a click away.' },
  { value: 'mine', label: 'Mine', empty: 'You own no documents yet.' },
  { value: 'shared', label: 'Shared with me', empty: 'Nobody has shared a document with you yet.' },
  { value: 'trash', label: 'Trash', empty: 'The trash is empty.' },
]

export function ListPage({ me }: ListFacts) {
  const [tab, setTab] = useState('all')
  const [search, setSearch] = useState('')
  const [words] = useDebouncedValue(search.trim(), 200)
  const list = useDocuments(tab, words)
  const [renamed, setRenamed] = useState<DocumentInfo | null>(null)
  const [trashed, setTrashed] = useState<DocumentInfo | null>(null)

  const create = () =>
    list.act(async () => {
      const made = await request<DocumentInfo>('POST', 'documents', { title: '' })
      location.assign(`/d/${made.id}`)
    })
  const trash = (each: DocumentInfo) =>
    list.act(async () => {
      await request('DELETE', `documents/${each.id}`)
      setTrashed(each)
    })
  const restore = (each: DocumentInfo) =>
    list.act(async () => {
      await request('POST', `documents/${each.id}/restore`)
      setTrashed(null)
    })

  return (
    <>
      <header className="list-bar">
        <Anchor href="/" className="list-brand" underline="never" c="inherit">
          <Logo /> Collab
        </Anchor>
        <TextInput
          className="list-search"
          data-testid="search"
          aria-label="Search titles"
          placeholder="Search titles"
          type="search"
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        <SchemeToggle />
        <UserMenu me={me} />
      </header>
      <main className="list-main">
        <div className="list-head">
          <Title order={1}>Documents</Title>
          <Button data-testid="new-document" onClick={() => void create()}>
            New document
          </Button>
        </div>
        <Tabs value={tab} onChange={(value) => setTab(value ?? 'all')} keepMounted={false}>
          <Tabs.List>
            {TABS.map(({ value, label }) => (
              <Tabs.Tab key={value} value={value}>
                {label}
              </Tabs.Tab>
            ))}
          </Tabs.List>
        </Tabs>
        {list.problem && (
          <Text role="alert" c="red" mt="md">
            {list.problem}
          </Text>
        )}
        <ul className="list" data-testid="doc-list" aria-busy={list.documents === null}>
          {list.documents === null &&
            [1, 2, 3].map((each) => <Skeleton key={each} height={52} my={6} />)}
          {list.documents?.map((each) => (
            <Row
              key={each.id}
              document={each}
              isMine={each.role === 'owner'}
              onRename={() => setRenamed(each)}
              onTrash={() => void trash(each)}
              onRestore={() => void restore(each)}
            />
          ))}
        </ul>
        {list.documents?.length === 0 && (
          <div className="list-empty">
            <Text c="dimmed">
              {words ? `Nothing is called “${words}”.` : TABS.find((t) => t.value === tab)?.empty}
            </Text>
            {!words && tab !== 'trash' && (
              <Button variant="light" mt="md" onClick={() => void create()}>
                Write something
              </Button>
            )}
          </div>
        )}
        {list.more && (
          <Button variant="default" onClick={() => void list.more?.()}>
            Show more
          </Button>
        )}
      </main>
      {renamed && (
        <RenameDialog
          title={renamed.title}
          onClose={() => setRenamed(null)}
          onRename={(title) =>
            list.act(async () => {
              await request('PATCH', `documents/${renamed.id}`, { title })
              setRenamed(null)
            })
          }
        />
      )}
      {trashed && (
        <div className="toast" role="status">
          “{trashed.title || 'Untitled'}” is in the trash.
          <Button size="xs" variant="white" onClick={() => void restore(trashed)}>
            Undo
          </Button>
          <ActionIcon
            variant="transparent"
            color="gray"
            aria-label="Dismiss"
            onClick={() => setTrashed(null)}
          >
            ✕
          </ActionIcon>
        </div>
      )}
    </>
  )
}

type RowProps = {
  document: DocumentInfo
  isMine: boolean
  onRename: () => void
  onTrash: () => void
  onRestore: () => void
}

function Row({ document, isMine, onRename, onTrash, onRestore }: RowProps) {
  const title = document.title || 'Untitled'
  const isTrashed = document.deleted_at !== null
  return (
    <li className="row">
      {isTrashed ? (
        <span className="row-title">{title}</span>
      ) : (
        <a className="row-title" href={`/d/${document.id}`}>
          {title}
        </a>
      )}
      <span className="row-when">{when(document.updated_at)}</span>
      <span className="row-people">
        {[document.owner, ...document.people.filter((each) => each.id !== document.owner.id)]
          .slice(0, 4)
          .map((person) => (
            <Avatar key={person.id} name={person.name} color={person.color} size={26} />
          ))}
      </span>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${title}`}>
            ⋯
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {isTrashed ? (
            <Menu.Item onClick={onRestore}>Restore</Menu.Item>
          ) : (
            <>
              <Menu.Item component="a" href={`/d/${document.id}`}>
                Open
              </Menu.Item>
              {document.role !== 'viewer' && document.role !== 'commenter' && (
                <Menu.Item onClick={onRename}>Rename</Menu.Item>
              )}
              {isMine && (
                <Menu.Item color="red" onClick={onTrash}>
                  Move to trash
                </Menu.Item>
              )}
            </>
          )}
        </Menu.Dropdown>
      </Menu>
    </li>
  )
}

/** The documents of a tab that match some words; `act` does something and reads them again. */
function useDocuments(tab: string, words: string) {
  const [documents, setDocuments] = useState<DocumentInfo[] | null>(null)
  const [next, setNext] = useState<string | null>(null)
  const [problem, setProblem] = useState<string | null>(null)

  const load = useCallback(async () => {
    const query = new URLSearchParams()
    if (tab !== 'all') query.set('filter', tab)
    if (words) query.set('q', words)
    return request<Page<DocumentInfo>>('GET', `documents?${query}`)
  }, [tab, words])

  useEffect(() => {
    let isCurrent = true
    setDocuments(null)
    load()
      .then((page) => {
        if (!isCurrent) return
        setDocuments(page.items)
        setNext(page.next)
        setProblem(null)
      })
      .catch((error) => isCurrent && setProblem(inWords(error)))
    return () => {
      isCurrent = false
    }
  }, [load])

  const act = async (action: () => Promise<void>) => {
    try {
      await action()
      const page = await load()
      setDocuments(page.items)
      setNext(page.next)
      setProblem(null)
    } catch (error) {
      setProblem(inWords(error))
    }
  }
  const more = next
    ? () =>
        request<Page<DocumentInfo>>('GET', next).then((page) => {
          setDocuments((before) => [...(before ?? []), ...page.items])
          setNext(page.next)
        })
    : null
  return { documents, problem, act, more }
}

const inWords = (error: unknown) =>
  error instanceof ApiError ? error.message : 'The server does not answer. Try again in a moment.'
