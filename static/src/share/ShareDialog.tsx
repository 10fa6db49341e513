import './share.css'

import {
  ActionIcon,
  Button,
  CopyButton,
  Divider,
  Group,
  Modal,
  NativeSelect,
  Switch,
  Text,
  TextInput,
} from '@mantine/core'
import { useCallback, useEffect, useState } from 'react'

import { ApiError, type Member, type Page, request, type RoleName, type ShareLink } from '../api'
import { Avatar } from '../theme/Avatar'

const ROLES = [
  { value: 'viewer', label: 'Can view' },
  { value: 'commenter', label: 'Can comment' },
  { value: 'editor', label: 'Can edit' },
]

type Props = { documentId: string; opened: boolean; onClose: () => void }

/** Who may come in: people by name, and whoever has a link. */
export default function ShareDialog({ documentId, opened, onClose }: Props) {
  const base = `documents/${documentId}`
  const [links, setLinks] = useState<ShareLink[]>([])
  const [members, setMembers] = useState<Member[]>([])
  const [problem, setProblem] = useState<string | null>(null)

  const refresh = useCallback(async () => {
    const [linkPage, memberPage] = await Promise.all([
      request<Page<ShareLink>>('GET', `${base}/links`),
      request<Page<Member>>('GET', `${base}/members`),
    ])
    setLinks(linkPage.items)
    setMembers(memberPage.items)
  }, [base])

  const change = useCallback(
    async (method: string, path: string, body?: unknown) => {
      try {
        await request(method, `${base}/${path}`, body)
        setProblem(null)
        await refresh()
        return true
      } catch (error) {
        setProblem(error instanceof ApiError ? error.message : 'That did not work. Try again.')
        return false
      }
    },
    [base, refresh],
  )

  useEffect(() => {
    refresh().catch(() => setProblem('What is shared could not be loaded.'))
  }, [refresh])

  return (
    <Modal opened={opened} onClose={onClose} title="Share" size="lg" data-testid="share-dialog">
      <People members={members} change={change} />
      <Divider my="lg" />
      <Links links={links} change={change} />
      {problem && (
        <Text role="alert" c="red" size="sm" mt="md">
          {problem}
        </Text>
      )}
    </Modal>
  )
}

type Change = (method: string, path: string, body?: unknown) => Promise<boolean>

function People({ members, change }: { members: Member[]; change: Change }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<string>('editor')
  return (
    <section aria-label="People">
      <form
        className="share-row share-form"
        onSubmit={async (event) => {
          event.preventDefault()
          if (name.trim() && (await change('POST', 'members', { user: name.trim(), role })))
            setName('')
        }}
      >
        <TextInput
          className="share-grow"
          aria-label="Name or e-mail"
          placeholder="Name or e-mail"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <RoleSelect label="Role of the new person" role={role} onChange={setRole} />
        <Button type="submit" disabled={!name.trim()}>
          Add
        </Button>
      </form>
      <ul className="share-list">
        {members.map(({ user, role: theirs }) => (
          <li key={user.id} className="share-row">
            <Avatar name={user.name} color={user.color} />
            <span className="share-grow">{user.name}</span>
            {theirs === 'owner' ? (
              <Text size="sm" c="dimmed">
                Owner
              </Text>
            ) : (
              <>
                <RoleSelect
                  label={`Role of ${user.name}`}
                  role={theirs}
                  onChange={(next) => void change('PATCH', `members/${user.id}`, { role: next })}
                />
                <Remove
                  label={`Remove ${user.name}`}
                  onClick={() => void change('DELETE', `members/${user.id}`)}
                />
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Links({ links, change }: { links: ShareLink[]; change: Change }) {
  return (
    <section aria-label="Links">
      <Group justify="space-between" mb="xs">
        <div>
          <Text fw={600}>Anyone with a link</Text>
          <Text size="sm" c="dimmed">
            No account needed.
          </Text>
        </div>
        <Group gap="xs">
          {(['viewer', 'editor'] as const).map((role) => (
            <Button
              key={role}
              size="xs"
              variant="default"
              onClick={() => void change('POST', 'links', { role })}
            >
              {role === 'viewer' ? 'New link to view' : 'New link to edit'}
            </Button>
          ))}
        </Group>
      </Group>
      <ul className="share-list">
        {links.map((link) => (
          <Link key={link.id} link={link} change={change} />
        ))}
      </ul>
    </section>
  )
}

function Link({ link, change }: { link: ShareLink; change: Change }) {
  const path = `links/${link.id}`
  return (
    <li className="share-link" data-off={!link.enabled || undefined}>
      <div className="share-row">
        <RoleSelect
          label="What this link allows"
          role={link.role}
          onChange={(role) => void change('PATCH', path, { role })}
        />
        <input className="share-url" aria-label="Link" readOnly value={link.url} />
        <CopyButton value={link.url}>
          {({ copied, copy }) => (
            <Button size="xs" variant={copied ? 'light' : 'filled'} onClick={copy}>
              {copied ? 'Copied' : 'Copy link'}
            </Button>
          )}
        </CopyButton>
        <Remove label="Delete this link" onClick={() => void change('DELETE', path)} />
      </div>
      <div className="share-row share-quiet">
        <Switch
          size="xs"
          label="Works"
          checked={link.enabled}
          onChange={(event) => void change('PATCH', path, { enabled: event.currentTarget.checked })}
        />
        <EndDate
          day={link.expires_at?.slice(0, 10) ?? ''}
          onChange={(day) =>
            void change('PATCH', path, { expires_at: day ? `${day}T23:59:59Z` : null })
          }
        />
      </div>
    </li>
  )
}

type EndDateProps = { day: string; onChange: (day: string) => void }

/** Until when a link works: an empty date field would say less than words do. */
function EndDate({ day, onChange }: EndDateProps) {
  const [isAsking, setAsking] = useState(false)
  if (!day && !isAsking)
    return (
      <Button size="compact-xs" variant="subtle" color="gray" onClick={() => setAsking(true)}>
        Set an end date
      </Button>
    )
  return (
    <label className="share-until">
      until{' '}
      <input
        type="date"
        aria-label="Last day of this link"
        className="share-date"
        value={day}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  )
}

type RoleProps = { label: string; role: RoleName | string; onChange: (role: string) => void }

const RoleSelect = ({ label, role, onChange }: RoleProps) => (
  <NativeSelect
    size="sm"
    aria-label={label}
    data={ROLES}
    value={role}
    onChange={(event) => onChange(event.currentTarget.value)}
  />
)

const Remove = ({ label, onClick }: { label: string; onClick: () => void }) => (
  <ActionIcon variant="subtle" color="gray" aria-label={label} title={label} onClick={onClick}>
    <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path d="m4 4 8 8m0-8-8 8" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" />
    </svg>
  </ActionIcon>
)
