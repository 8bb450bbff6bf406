// Signs with @aws-sdk/cloudfront-signer for a while and prints how often it could, as JSON.
// The job comes on standard input, so that the (throw-away) key is in no argument list.

import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { getSignedUrl } = createRequire(process.argv[2])("@aws-sdk/cloudfront-signer");
const job = JSON.parse(readFileSync(0, "utf8"));

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function signer(privateKey) {
  return (url) =>
    getSignedUrl({
      url,
      privateKey,
      keyPairId: job.keyPairId,
      dateLessThan: job.dateLessThan,
      algorithm: job.algorithm,
    });
}

function rate(sign, seconds) {
  const started = cpuSeconds();
  let calls = 0;
  let spent = 0;
  while (spent < seconds) {
    for (let turn = 0; turn < 8; turn += 1) {
      sign(job.urls[calls % job.urls.length]);
      calls += 1;
    }
    spent = cpuSeconds() - started;
  }
  return calls / spent;
}

const rates = {};
const samples = {};
// A key object is not in the package's types, but it is handed to node as it is.
for (const [name, key] of [["pem", job.pem], ["kept", createPrivateKey(job.pem)]]) {
  const sign = signer(key);
  samples[name] = sign(job.urls[0]);
  rate(sign, Math.min(0.3, job.seconds)); // the just-in-time compiler's turn
  rates[name] = rate(sign, job.seconds);
}
console.log(JSON.stringify({ rates, samples }));
