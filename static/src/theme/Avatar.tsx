import { Avatar as MantineAvatar, Tooltip } from '@mantine/core'

const initials = (name: string) =>
  name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => word[0]?.toUpperCase() ?? '')
    .join('')

type Props = {
  name: string
  color: string
  label?: string
  size?: number
  testId?: string
  isProgram?: boolean
}

const ProgramIcon = () => (
  <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.8">
    <path d="M2.5 4.5 6 8l-3.5 3.5M8 12h5.5" strokeLinecap="round" strokeLinejoin="round" />
  </svg>
)

/** A person as a disc in the colour of their caret. */
export function Avatar({ name, color, label = name, size = 30, testId, isProgram }: Props) {
  return (
    <Tooltip label={label} withArrow>
      <MantineAvatar
        size={size}
        radius="xl"
        variant="filled"
        color={color}
        aria-label={label}
        data-program={isProgram || undefined}
        {...(testId ? { 'data-testid': testId, 'data-name': name } : {})}
      >
        {isProgram ? <ProgramIcon /> : initials(name)}
      </MantineAvatar>
    </Tooltip>
  )
}
