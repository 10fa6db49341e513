import { Avatar as MantineAvatar, Tooltip } from '@mantine/core'

const initials = (name: string) =>
  name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => word[0]?.toUpperCase() ?? '')
    .join('')

type Props = { name: string; color: string; label?: string; size?: number; testId?: string }

/** A person as a disc in the colour of their caret. */
export function Avatar({ name, color, label = name, size = 30, testId }: Props) {
  return (
    <Tooltip label={label} withArrow>
      <MantineAvatar
        size={size}
        radius="xl"
        variant="filled"
        color={color}
        aria-label={label}
        {...(testId ? { 'data-testid': testId, 'data-name': name } : {})}
      >
        {initials(name)}
      </MantineAvatar>
    </Tooltip>
  )
}
