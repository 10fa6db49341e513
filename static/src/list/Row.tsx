import { ActionIcon, Menu } from '@mantine/core'

import type { DocumentInfo } from '../api'
import { Avatar } from '../theme/Avatar'
import { DocumentIcon, MoreIcon, StarIcon } from './icons'
import css from './list.module.css'
import { when } from './when'

const MOST_FACES = 3

type Props = {
  document: DocumentInfo
  onStar: () => void
  onRename: () => void
  onTrash: () => void
  onRestore: () => void
}

/** One document: the whole row is its link, the menu lies above it. */
export function Row({ document, onStar, onRename, onTrash, onRestore }: Props) {
  const title = document.title || 'Untitled'
  const isTrashed = document.deleted_at !== null
  const mayRename = document.role === 'owner' || document.role === 'editor'
  return (
    <li className={css.row}>
      {document.starred ? (
        <StarIcon className={`${css.icon} ${css.star}`} />
      ) : (
        <DocumentIcon className={css.icon} />
      )}
      {isTrashed ? (
        <span className={css.title}>{title}</span>
      ) : (
        <a
          className={css.title}
          href={`/d/${document.id}`}
          title={title}
          data-untitled={!document.title || undefined}
        >
          {title}
        </a>
      )}
      <People document={document} />
      <When iso={document.deleted_at ?? document.updated_at} isTrashed={isTrashed} />
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            className={css.more}
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={`Actions for ${title}`}
          >
            <MoreIcon />
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
              <Menu.Item onClick={onStar}>{document.starred ? 'Remove star' : 'Star'}</Menu.Item>
              {mayRename && <Menu.Item onClick={onRename}>Rename…</Menu.Item>}
              {document.role === 'owner' && (
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

function People({ document: { owner, people } }: { document: DocumentInfo }) {
  const everybody = [owner, ...people.filter((each) => each.id !== owner.id)]
  const shown = everybody.slice(0, MOST_FACES)
  const others = everybody.slice(MOST_FACES)
  return (
    <span className={css.people}>
      {shown.map((person) => (
        <Avatar
          key={person.id}
          name={person.name}
          color={person.color}
          label={person.id === owner.id ? `${person.name} (owner)` : person.name}
          size={26}
        />
      ))}
      {others.length > 0 && (
        <span className={css.others} title={others.map((each) => each.name).join(', ')}>
          +{others.length}
        </span>
      )}
    </span>
  )
}

function When({ iso, isTrashed }: { iso: string; isTrashed: boolean }) {
  return (
    <time className={css.when} dateTime={iso} title={new Date(iso).toLocaleString('en-GB')}>
      {isTrashed && <span className={css.whenNote}>deleted </span>}
      {when(iso)}
    </time>
  )
}
