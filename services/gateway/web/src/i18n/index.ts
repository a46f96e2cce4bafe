/** The texts, in the language that the browser prefers or the user chose. */
import { createStore, useStore } from '@/state/store';
import { en } from './en';
import { zh } from './zh';

export type Language = 'en' | 'zh';
export type Words = { readonly [Key in keyof typeof en]: string };
export type Key = keyof Words;
export type Translate = (key: Key, values?: Readonly<Record<string, string | number>>) => string;

export const LANGUAGES: Readonly<Record<Language, string>> = { en: 'English', zh: '简体中文' };
const WORDS: Readonly<Record<Language, Words>> = { en, zh };
/** What dates and numbers are written by. */
const LOCALES: Readonly<Record<Language, string>> = { en: 'en', zh: 'zh-CN' };
const KEY = 'lingxi.language';

const store = createStore<Language>(preferred());

function preferred(): Language {
  const chosen = localStorage.getItem(KEY);
  if (chosen === 'en' || chosen === 'zh') return chosen;
  const wanted = navigator.languages.find((one) => /^(en|zh)\b/.test(one));
  return wanted?.startsWith('zh') ? 'zh' : 'en';
}

/** Choose a language, for now and later. */
export function chooseLanguage(language: Language): void {
  localStorage.setItem(KEY, language);
  store.set(() => language);
}

export function useLanguage(): Language {
  return useStore(store, (language) => language);
}

export function useLocale(): string {
  return LOCALES[useLanguage()];
}

const translators: Readonly<Record<Language, Translate>> = {
  en: (key, values) => filled(WORDS.en[key], values),
  zh: (key, values) => filled(WORDS.zh[key], values),
};

/** `t('key', {name})`: the text of a key with its values. */
export function useT(): Translate {
  return translators[useLanguage()];
}

/** As `useT`, outside components. */
export const t: Translate = (key, values) => translators[store.get()](key, values);

function filled(text: string, values: Readonly<Record<string, string | number>> = {}): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
