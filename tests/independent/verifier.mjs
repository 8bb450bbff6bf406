// A second verifier of CloudFront signed URLs and cookies, written from the developer guide, in another
// language and on another platform's cryptography. It reads one JSON document on standard input,
//   {"keys": {"K...": "-----BEGIN PUBLIC KEY-----..."}, "requests": [{"url", "cookies", "ip", "now"}, ...]}
// and prints a JSON list with one answer a request: "allowed", or CloudFront's error code.
import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const RESERVED = new Set(['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm']);
const BASE64 = /^(?:[A-Za-z0-9~-]{4})*(?:[A-Za-z0-9~-]{2}__|[A-Za-z0-9~-]{3}_)?$/;

class Refusal extends Error {}

function refuseUnless(condition, code) {
  if (!condition) throw new Refusal(code);
}

function cut(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + separator.length)];
}

// What the request presents: signed URL parameters switch cookies off.
function credentials(request) {
  const [base, query] = cut(request.url, '?');
  const given = new Map();
  const add = (name, value) => given.set(name, [...(given.get(name) ?? []), value]);
  const own = [];
  for (const part of query === null ? [] : query.split('&')) {
    const [name, value] = cut(part, '=');
    if (RESERVED.has(name)) add(name, value ?? '');
    else own.push(part);
  }
  if (given.size > 0) {
    return { given, viaCookies: false, url: own.length > 0 ? `${base}?${own.join('&')}` : base };
  }
  for (const pair of request.cookies.split(';')) {
    const [name, value] = cut(pair.replace(/^[ \t]+|[ \t]+$/g, ''), '=');
    if (name.startsWith('CloudFront-') && RESERVED.has(name.slice(11))) add(name.slice(11), value ?? '');
  }
  return { given, viaCookies: true, url: request.url };
}

function single(given, name, code) {
  const values = given.get(name);
  refuseUnless(values === undefined || values.length === 1, code);
  return values?.[0];
}

function bytes(text, code) {
  refuseUnless(BASE64.test(text), code);
  const standard = text.replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/');
  const decoded = Buffer.from(standard, 'base64');
  refuseUnless(decoded.toString('base64') === standard, code);
  return decoded;
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const hasOnly = (value, names) => isObject(value) && Object.keys(value).every((name) => names.includes(name));

function readDate(value) {
  const good = hasOnly(value, ['AWS:EpochTime']) && Number.isInteger(value['AWS:EpochTime']);
  refuseUnless(good && value['AWS:EpochTime'] >= 0 && value['AWS:EpochTime'] <= 9223372036, 'MalformedPolicy');
  return value['AWS:EpochTime'];
}

function readPolicy(signed) {
  let document;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(signed));
  } catch {
    throw new Refusal('MalformedPolicy');
  }
  const good = hasOnly(document, ['Statement']) && Array.isArray(document.Statement) && document.Statement.length === 1;
  refuseUnless(good, 'MalformedPolicy');
  const [statement] = document.Statement;
  refuseUnless(hasOnly(statement, ['Resource', 'Condition']), 'MalformedPolicy');
  const { Resource: resource, Condition: condition } = statement;
  refuseUnless(resource === undefined || typeof resource === 'string', 'MalformedPolicy');
  refuseUnless(hasOnly(condition, ['DateLessThan', 'DateGreaterThan', 'IpAddress']), 'MalformedPolicy');
  const end = readDate(condition.DateLessThan);
  const start = condition.DateGreaterThan === undefined ? null : readDate(condition.DateGreaterThan);
  let range = null;
  if (condition.IpAddress !== undefined) {
    refuseUnless(hasOnly(condition.IpAddress, ['AWS:SourceIp']), 'MalformedPolicy');
    range = condition.IpAddress['AWS:SourceIp'];
    refuseUnless(typeof range === 'string', 'MalformedPolicy');
  }
  return { signed, resource, start, end, range, canned: false };
}

function cannedPolicy(url, expires) {
  refuseUnless(expires !== undefined && /^(0|[1-9][0-9]{0,18})$/.test(expires), 'MalformedPolicy');
  const end = Number(expires);
  refuseUnless(end <= 9223372036, 'MalformedPolicy');
  const text = `{"Statement":[{"Resource":"${url}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`;
  return { signed: Buffer.from(text, 'utf8'), resource: url, start: null, end, range: null, canned: true };
}

// Wildcards by backtracking to the last asterisk.
function like(pattern, text) {
  let p = 0;
  let t = 0;
  let star = -1;
  let from = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === '*') {
      star = p++;
      from = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

function sections(text) {
  const [protocol, rest] = cut(text, '://');
  if (rest === null || /[:/?]/.test(protocol)) return null;
  const [before, query] = cut(rest, '?');
  const slash = before.indexOf('/');
  if (slash < 0) return null;
  return { protocol, domain: before.slice(0, slash), path: before.slice(slash), query };
}

function covers(resource, url, viaCookies) {
  const target = sections(url);
  if (target === null || !['http', 'https'].includes(target.protocol) || /\n/.test(target.query ?? '')) return false;
  if (viaCookies) return /^http(s|\*)?:\/\//.test(resource) && like(resource, url);
  const pattern = sections(resource);
  if (pattern === null || !['http*', '*', target.protocol].includes(pattern.protocol)) return false;
  if (!like(pattern.domain, target.domain) || !like(pattern.path, target.path)) return false;
  if (pattern.path.endsWith('*') && pattern.query === null) return true;
  if (pattern.query === null || target.query === null) return pattern.query === target.query;
  return like(pattern.query, target.query);
}

function hasDotSegment(url) {
  const rest = cut(cut(url, '?')[0], '://')[1] ?? '';
  const path = cut(rest, '/')[1] ?? '';
  const plain = path.replace(/%2e/gi, '.').replace(/%2f|%5c|\\/gi, '/');
  return plain.split('/').some((segment) => segment === '.' || segment === '..');
}

function address(text) {
  const found = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text ?? '');
  if (found === null) return null;
  const parts = found.slice(1);
  if (parts.some((part) => Number(part) > 255 || String(Number(part)) !== part)) return null;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function inside(range, ip) {
  const [network, bits] = cut(range, '/');
  const [base, viewer] = [address(network), address(ip)];
  if (base === null || viewer === null || !/^(\d|[12]\d|3[0-2])$/.test(bits ?? '')) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(base / size) === Math.floor(viewer / size);
}

function decide(keys, request) {
  refuseUnless(request.url.length <= 8192, 'AccessDenied');
  refuseUnless(/^[!-~]*$/.test(request.url) && !request.url.includes('#'), 'AccessDenied');
  const { given, viaCookies, url } = credentials(request);
  const id = single(given, 'Key-Pair-Id', 'InvalidKey');
  refuseUnless(id, 'MissingKey');
  const key = keys.get(id);
  refuseUnless(key !== undefined, 'InvalidKey');
  const encoded = single(given, 'Policy', 'MalformedPolicy');
  const policy = encoded === undefined
    ? cannedPolicy(url, single(given, 'Expires', 'MalformedPolicy'))
    : readPolicy(bytes(encoded, 'MalformedPolicy'));
  const hash = single(given, 'Hash-Algorithm', 'AccessDenied') ?? 'SHA1';
  refuseUnless(hash === 'SHA1' || hash === 'SHA256', 'AccessDenied');
  const signature = bytes(single(given, 'Signature', 'MalformedSignature') ?? '', 'MalformedSignature');
  refuseUnless(signature.length > 0, 'MalformedSignature');
  refuseUnless(verify(hash.toLowerCase(), policy.signed, key, signature), 'AccessDenied');
  refuseUnless(!hasDotSegment(url), 'AccessDenied');
  if (policy.canned) refuseUnless(!/[*\\]/.test(url), 'AccessDenied');
  else if (policy.resource !== undefined) refuseUnless(covers(policy.resource, url, viaCookies), 'AccessDenied');
  refuseUnless(request.now < policy.end, 'AccessDenied');
  refuseUnless(policy.start === null || Math.trunc(request.now) > policy.start, 'AccessDenied');
  refuseUnless(policy.range === null || inside(policy.range, request.ip), 'AccessDenied');
  return 'allowed';
}

const { keys: pems, requests } = JSON.parse(readFileSync(0, 'utf8'));
const keys = new Map(Object.entries(pems).map(([id, pem]) => [id, createPublicKey(pem)]));
const answers = requests.map((request) => {
  try {
    return decide(keys, request);
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
});
process.stdout.write(JSON.stringify(answers));
