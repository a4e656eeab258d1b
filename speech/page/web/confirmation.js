// What a spotted name has to score: the threshold of each number of false alarms that is let pass.
// speech/inference/confirmation.py.

export class Confirmation {
  /** `fields` as the metadata have them, nats: at one false alarm an hour, and what is added for ten times as many. */
  constructor(fields) {
    this.oneAnHour = fields.one_an_hour;
    this.tenfold = fields.tenfold;
  }

  /** At `perHour` false alarms, above 0. */
  threshold(perHour) {
    return this.oneAnHour + this.tenfold * Math.log10(perHour);
  }
}

export const UNFITTED = new Confirmation({ one_an_hour: -1.2, tenfold: -0.95 }); // of a recogniser it was not fitted to
