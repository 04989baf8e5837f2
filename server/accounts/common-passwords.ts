/** The roots of most passwords of ten characters and more in published lists. */
const roots = new Set(
  `password passwort motdepasse contrasena contraseña senha parola wachtwoord iloveyou letmein welcome qwerty qwertyuiop
  qwertyui qwertz qwertzuiop azerty azertyuiop asdfgh asdfghjkl zxcvbnm zxcvbn qazwsx qazwsxedc administrator admin
  superman batman spiderman starwars pokemon minecraft football baseball basketball liverpool chelsea arsenal barcelona
  realmadrid juventus manchester sunshine princess butterfly chocolate babygirl loveyou mylove beautiful computer internet
  whatever trustno michael jordan jessica michelle jennifer charlie alexander christopher elizabeth samantha gabriel
  nicole daniel anthony joshua monkey dragon master shadow secret changeme default guest temp test testing login access
  freedom blink forever friends family jesus christ jesuschrist blessed angel angels summer winter spring autumn hello
  helloworld google facebook instagram youtube linkedin samsung iphone apple microsoft windows ubuntu linux server root
  toor correcthorsebatterystaple abc abcd abcde abcdef abcdefg abcdefgh abcdefghi abcdefghij`.split(/\s+/),
);

const rows = [
  '01234567890',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn',
];

/**
 * True for what guessers try first: a common word with some digits or signs around it (also in l33t spelling, also
 * twice), runs along the keyboard or the alphabet, and a short piece over and over.
 */
export function isCommon(password: string): boolean {
  const text = password.toLowerCase();
  if (/^(.{1,5})\1+.{0,2}$/.test(text) || isRun(text) || new Set(text).size <= 3) return true;
  const plain = text.replace(/[^\p{L}\p{N}]+$|^[^\p{L}\p{N}]+/gu, '');
  return [plain, unleet(plain)].some((spelling) => {
    const core = spelling.replace(/[^\p{L}]+$|^[^\p{L}]+/gu, '');
    return (
      roots.has(core) ||
      (roots.has(core.slice(0, core.length / 2)) && core.slice(0, core.length / 2) === core.slice(core.length / 2))
    );
  });
}

/** Made of at most two runs along a row, forwards or backwards. */
function isRun(text: string): boolean {
  let rest = text;
  for (let runs = 0; runs < 2 && rest !== ''; runs += 1) rest = rest.slice(longestRun(rest));
  return rest.length <= 1;
}

function longestRun(text: string): number {
  const lines = rows.flatMap((row) => [row + row, [...(row + row)].reverse().join('')]);
  for (let length = text.length; length > 2; length -= 1) {
    if (lines.some((line) => line.includes(text.slice(0, length)))) return length;
  }
  return 0;
}

function unleet(text: string): string {
  const letters: Record<string, string> = {
    '0': 'o',
    '1': 'i',
    '3': 'e',
    '4': 'a',
    '5': 's',
    '7': 't',
    '@': 'a',
    $: 's',
    '!': 'i',
  };
  return text.replace(/[013457@$!]/g, (sign) => letters[sign] ?? sign);
}
