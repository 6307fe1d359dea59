import assert from "node:assert/strict";
import { test } from "node:test";
import { en } from "../../i18n/en";
import { fill } from "../../i18n/fill";
import { zh } from "../../i18n/zh";

test("both languages have the same words", () => {
  assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
  for (const [key, text] of [...Object.entries(en), ...Object.entries(zh)]) assert.ok(text.trim() !== "", key);
});

test("both languages put in the same parameters", () => {
  const names = (text: string) => [...new Set([...text.matchAll(/\{(\w+)[|}]/g)].map((m) => m[1]))].sort();
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    assert.deepEqual(names(zh[key]).filter((n) => !names(en[key]).includes(n)), [], `${key}: unknown in English`);
    assert.deepEqual(names(en[key]).filter((n) => !names(zh[key]).includes(n)), [], `${key}: missing in Chinese`);
  }
});

test("Chinese is written in Chinese, with its own punctuation", () => {
  const same = new Set(["models.top1", "keys.language"]);
  for (const [key, text] of Object.entries(zh)) {
    if (same.has(key) || key.startsWith("unit.") || !/\p{L}/u.test(text.replace(/\{[^}]*\}/g, ""))) continue;
    assert.match(text, /\p{Script=Han}/u, key);
    assert.doesNotMatch(text, /\p{Script=Han}[,:;?!]/u, `${key}: half-width punctuation`);
  }
});

test("patterns: parameters, grouping, one or many", () => {
  assert.equal(fill("{n} {n|photo|photos}", { n: 1 }), "1 photo");
  assert.equal(fill("{n} {n|photo|photos}", { n: 1000 }), "1,000 photos");
  assert.equal(fill("{a} of {b}", { a: "<b>" }), "<b> of {b}");
});
