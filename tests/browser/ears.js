// What a page plays: every node that is connected to the loudspeaker is heard, too. Put into the page before its scripts.
(() => {
  const ears = [];
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...others) {
    if (to instanceof AudioDestinationNode) {
      const { context } = to;
      const ear = context.createScriptProcessor(4096, 1, 1);
      const sound = [];
      ear.onaudioprocess = ({ inputBuffer }) => sound.push(inputBuffer.getChannelData(0).slice());
      ears.push({ sound, rate_hz: context.sampleRate });
      connect.call(this, ear);
      connect.call(ear, to);
    }
    return connect.call(this, to, ...others);
  };
  // s16le in base64 of the one that was heard most, and its rate
  globalThis.heard = () => {
    const energy = ({ sound }) => sound.flat().reduce((sum, part) => sum + part.reduce((all, x) => all + x * x, 0), 0);
    const [loudest] = ears.sort((one, other) => energy(other) - energy(one));
    const octets = [];
    for (const part of loudest.sound)
      for (const x of part) {
        const sample = Math.max(-32768, Math.min(32767, Math.round(x * 32767)));
        octets.push(sample & 255, (sample >> 8) & 255);
      }
    let text = "";
    for (let at = 0; at < octets.length; at += 8192) text += String.fromCharCode(...octets.slice(at, at + 8192));
    return [btoa(text), loudest.rate_hz];
  };
  globalThis.forget = () => ears.forEach(({ sound }) => sound.splice(0));
})();
