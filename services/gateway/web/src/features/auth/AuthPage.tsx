import {
  Alert,
  Anchor,
  Button,
  Group,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { asProblem, type Problem } from '@/api/problem';
import { chooseLanguage, LANGUAGES, type Translate, useLanguage, useT } from '@/i18n';
import icon from '@/icon.svg';
import classes from './AuthPage.module.css';
import { logIn, register } from './account';

const USERNAME_CHARS_MAX = 150;
const PASSWORD_CHARS_MIN = 8;

/** Log in, or make an account. */
export function AuthPage() {
  const t = useT();
  const [mode, setMode] = useState<'logIn' | 'register'>('logIn');
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [trouble, setTrouble] = useState('');
  const [busy, setBusy] = useState(false);
  const isNew = mode === 'register';

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setTrouble('');
    try {
      await (isNew ? register(username, password) : logIn(username, password));
    } catch (error) {
      setTrouble(worded(asProblem(error), t));
      setBusy(false);
    }
  }

  function change() {
    setMode(isNew ? 'logIn' : 'register');
    setTrouble('');
  }

  return (
    <main className={classes.page}>
      <div className={classes.column}>
        <Group gap="sm" wrap="nowrap">
          <img src={icon} alt="" width={40} height={40} />
          <Title order={1} size="h2">
            Lingxi
          </Title>
        </Group>
        <Text c="var(--quiet)">{t('tagline')}</Text>
        <Paper component="form" onSubmit={submit} p="lg" radius="lg" withBorder>
          <Stack>
            <Title order={2} size="h4">
              {t(mode)}
            </Title>
            <TextInput
              label={t('username')}
              name="username"
              autoComplete="username"
              autoCapitalize="none"
              maxLength={USERNAME_CHARS_MAX}
              required
              withAsterisk={false}
              value={username}
              onChange={(event) => setUsername(event.currentTarget.value)}
            />
            <PasswordInput
              label={t('password')}
              name="password"
              autoComplete={isNew ? 'new-password' : 'current-password'}
              description={isNew ? t('passwordHint') : undefined}
              minLength={isNew ? PASSWORD_CHARS_MIN : undefined}
              visibilityToggleButtonProps={{ 'aria-label': t('showPassword') }}
              required
              withAsterisk={false}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
            />
            {trouble && (
              <Alert color="red" variant="light" role="alert">
                {trouble}
              </Alert>
            )}
            <Button type="submit" loading={busy}>
              {t(mode)}
            </Button>
            <Button variant="subtle" onClick={change}>
              {t(isNew ? 'logIn' : 'register')}
            </Button>
          </Stack>
        </Paper>
        <LanguageChoice />
      </div>
    </main>
  );
}

function LanguageChoice() {
  const language = useLanguage();
  const other = language === 'en' ? 'zh' : 'en';
  return (
    <Anchor component="button" type="button" size="sm" onClick={() => chooseLanguage(other)}>
      <span lang={other === 'zh' ? 'zh-CN' : 'en'}>{LANGUAGES[other]}</span>
    </Anchor>
  );
}

function worded(problem: Problem, t: Translate): string {
  if (problem.status === 0) return t('unreachable');
  if (problem.status === 401) return t('wrongCredentials');
  if (problem.code === 'username_taken') return t('nameTaken');
  if (problem.code === 'registration_closed') return t('registrationClosed');
  return problem.message;
}
