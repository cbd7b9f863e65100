package dev.penstock.simulation;

/** Who sends the mail of a run. Confined to the run's thread. */
interface Sender {
    /** A message has come. */
    void submit(SimulatedMessage message);

    /** What sets its limits; empty for nothing of ours. */
    default String steering() {
        return "";
    }

    /** Messages that are neither delivered nor given up. */
    long queued();
}
