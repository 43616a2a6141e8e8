/** Sound of one talk burst in order of time, of which some is still with the decoder. Counts are 48 kHz samples. */

/** A place in the queue whose sound is to come. */
export interface Place {
  readonly count: number;
  sound: Float32Array | undefined;
}

export class SoundQueue {
  private places: Place[] = [];
  private used = 0; // samples of the first place that were taken

  /** All samples, those to come included. */
  get length(): number {
    return this.places.reduce((sum, place) => sum + (place.sound?.length ?? place.count), 0) - this.used;
  }

  /** A place for `count` samples: put its `sound` in when it is there; it may then have another length. */
  reserve(count: number): Place {
    const place: Place = { count, sound: undefined };
    this.places.push(place);
    return place;
  }

  /** Whether the next `count` samples, or all if there are fewer, are there. */
  ready(count: number): boolean {
    let sum = -this.used;
    for (const place of this.places) {
      if (sum >= count) return true;
      if (place.sound === undefined) return false;
      sum += place.sound.length;
    }
    return true;
  }

  /** Moves the next samples into `into`, up to the first that is not there; tells how many. */
  take(into: Float32Array): number {
    let filled = 0;
    while (filled < into.length) {
      const sound = this.places[0]?.sound;
      if (sound === undefined) break;
      const piece = sound.subarray(this.used, this.used + into.length - filled);
      into.set(piece, filled);
      filled += piece.length;
      this.used += piece.length;
      if (this.used >= sound.length) this.next();
    }
    return filled;
  }

  /** Takes out the next whole piece if it is there and all of it is softer than `level`; tells how many samples that were. */
  dropQuiet(level: number): number {
    const index = this.used > 0 ? 1 : 0;
    const sound = this.places[index]?.sound;
    if (sound === undefined || sound.some((sample) => Math.abs(sample) > level)) return 0;
    this.places.splice(index, 1);
    return sound.length;
  }

  private next(): void {
    this.places.shift();
    this.used = 0;
  }
}
