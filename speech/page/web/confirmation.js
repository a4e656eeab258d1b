// The score that a spotted name has to reach, for each number of false alarms allowed.
// speech/inference/confirmation.py.

export class Confirmation {
  /** `fields` as in the metadata, nats: at one false alarm an hour, and its change for ten times as many. */
  constructor(fields) {
    this.oneAnHour = fields.one_an_hour;
    this.tenfold = fields.tenfold;
  }

  /** The threshold at `perHour` false alarms, above 0. */
  threshold(perHour) {
    return this.oneAnHour + this.tenfold * Math.log10(perHour);
  }
}

export const UNFITTED = new Confirmation({ one_an_hour: -1.2, tenfold: -0.95 }); // if none was fitted to a recogniser
