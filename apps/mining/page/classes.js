// Names of classes in the reader's language: events carry the English names alone.

import { has, lang, t } from "./words.js";

const chinese = new Map();

/// Learns the names that scenarios and models have; what only one of them translates counts for all.
export function learnClasses(...lists) {
  for (const { classes } of lists.flat()) {
    for (const { name, name_zh: other } of classes) if (other) chinese.set(name, other);
  }
}

/// A class, or what a rule measured (`anomaly`, `deviation`), for people.
export function className(name) {
  if (lang() !== "zh") return name;
  return chinese.get(name) ?? (has(`class.${name}`) ? t(`class.${name}`) : name);
}
