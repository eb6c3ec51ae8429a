// The colours of the model's classes. The sheet has one for each of the usual emotions; a class of
// another name gets one that no class of this model has.

const NAMED = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"];

/** Give each class without a colour of its own one that is left; where none is, the grey stays. */
export function colourClasses(classes) {
  const free = NAMED.filter((name) => !classes.includes(name));
  const [sheet] = document.styleSheets;
  for (const name of classes.filter((own) => !NAMED.includes(own)).slice(0, free.length)) {
    const rule = `[data-emotion="${CSS.escape(name)}"] { --emotion: var(--${free.shift()}); }`;
    sheet.insertRule(rule, sheet.cssRules.length);
  }
}
