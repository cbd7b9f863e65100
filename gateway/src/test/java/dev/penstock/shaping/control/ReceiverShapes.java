package dev.penstock.shaping.control;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;

import org.jspecify.annotations.Nullable;

/** Receivers as some are known to be, in virtual time: what they answer, and what they would take. Each confined to its test. */
final class ReceiverShapes {
    private ReceiverShapes() {}

    /** Times are seconds from the start. */
    interface Receiver {
        /** @return null when it takes the message */
        @Nullable
        Signal message(double at);

        /** @param open sessions, this one included @return whether it takes the session */
        default boolean session(int open) {
            return open <= 0 || open < Integer.MAX_VALUE;
        }

        /** Messages a second that it takes at that time. */
        double capacity(double at);
    }

    /** So many messages a second, and a burst. */
    static class Bucket implements Receiver {
        private final double burst;
        private double tokens;
        private double last;

        Bucket(double burst) {
            this.burst = burst;
            this.tokens = burst;
        }

        double rate(double at) {
            return at < 0 ? 0 : 1;
        }

        @Override
        public @Nullable Signal message(double at) {
            tokens = Math.min(burst, tokens + (at - last) * rate(at));
            last = at;
            if (tokens < 1) {
                return Signal.RATE;
            }
            tokens--;
            return null;
        }

        @Override
        public double capacity(double at) {
            return rate(at);
        }
    }

    static Receiver steady(double rate, double burst) {
        return new Bucket(burst) {
            @Override
            double rate(double at) {
                return rate;
            }
        };
    }

    /** Halves after a while, and takes three times as much again later. */
    static Receiver changing(double rate, double first, double second) {
        return new Bucket(rate * 5) {
            @Override
            double rate(double at) {
                return at < first ? rate : at < second ? rate / 2 : rate * 1.5;
            }
        };
    }

    /** Counts by the minute of its clock, and takes nothing more in one that is full. */
    static Receiver minutes(double rate) {
        return new Receiver() {
            private long minute = -1;
            private long count;

            @Override
            public @Nullable Signal message(double at) {
                long now = (long) (at / 60);
                count = now == minute ? count + 1 : 1;
                minute = now;
                return count > Math.round(rate * 60) ? Signal.RATE : null;
            }

            @Override
            public double capacity(double at) {
                return rate;
            }
        };
    }

    /** So many sessions at one time, of which each takes a message in the time of a round trip. */
    static Receiver sessions(int most, double roundTrip) {
        return new Receiver() {
            @Override
            public @Nullable Signal message(double at) {
                return null;
            }

            @Override
            public boolean session(int open) {
                return open <= most;
            }

            @Override
            public double capacity(double at) {
                return most / roundTrip;
            }
        };
    }

    /** As Outlook.com in February 2026: who isn't slower after it has said so is blocked for hours. */
    static final class Escalating implements Receiver {
        private static final double WINDOW = 300;
        private static final double BLOCK = 4 * 3600;

        private final Receiver within;
        private final double tolerated;
        private final Deque<Double> refused = new ArrayDeque<>();
        private double blockedUntil;
        int blocks;

        /** @param tolerated refusals in five minutes */
        Escalating(double rate, double tolerated) {
            this.within = steady(rate, rate * 5);
            this.tolerated = tolerated;
        }

        @Override
        public @Nullable Signal message(double at) {
            if (at < blockedUntil) {
                return Signal.BLOCKED;
            }
            Signal answer = within.message(at);
            if (answer != null) {
                refused.add(at);
                while (at - refused.getFirst() > WINDOW) {
                    refused.removeFirst();
                }
                if (refused.size() > tolerated) {
                    refused.clear();
                    blocks++;
                    blockedUntil = at + BLOCK;
                    return Signal.BLOCKED;
                }
            }
            return answer;
        }

        @Override
        public double capacity(double at) {
            return within.capacity(at);
        }
    }

    /** Takes less from whoever sends it too much, and forgets that slowly. */
    static Receiver reputation(double rate) {
        return new Bucket(rate * 3) {
            private double score = 1;
            private double scored;

            @Override
            double rate(double at) {
                return rate * score;
            }

            @Override
            public @Nullable Signal message(double at) {
                score = Math.min(1, score + (at - scored) / 1_000);
                scored = at;
                Signal answer = super.message(at);
                if (answer != null) {
                    score = Math.max(0.1, score * 0.99);
                }
                return answer;
            }

            @Override
            public double capacity(double at) {
                return rate;
            }
        };
    }

    /** Says now and then that it is busy, to anybody. */
    static Receiver noisy(double rate, double share, Random random) {
        Receiver within = steady(rate, rate * 5);
        return new Receiver() {
            @Override
            public @Nullable Signal message(double at) {
                return random.nextDouble() < share ? Signal.LOAD : within.message(at);
            }

            @Override
            public double capacity(double at) {
                return rate;
            }
        };
    }

    /** Takes nothing for a while from whoever has sent it too much. */
    static Receiver pausing(double rate, double pause) {
        Receiver within = steady(rate, Math.max(2, rate * 5));
        return new Receiver() {
            private double pausedUntil;

            @Override
            public @Nullable Signal message(double at) {
                if (at < pausedUntil) {
                    return Signal.RATE;
                }
                Signal answer = within.message(at);
                if (answer != null) {
                    pausedUntil = at + pause;
                }
                return answer;
            }

            @Override
            public double capacity(double at) {
                return rate;
            }
        };
    }

    /** Defers everything until then, and takes everything afterwards. */
    static Receiver outage(double until) {
        return new Receiver() {
            @Override
            public @Nullable Signal message(double at) {
                return at < until ? Signal.RATE : null;
            }

            @Override
            public double capacity(double at) {
                return at < until ? 0 : Double.MAX_VALUE;
            }
        };
    }

    /** Blocks the source for a time, whatever it does. */
    static Receiver blocking(double rate, double from, double until) {
        Receiver within = steady(rate, rate * 5);
        return new Receiver() {
            @Override
            public @Nullable Signal message(double at) {
                return at >= from && at < until ? Signal.BLOCKED : within.message(at);
            }

            @Override
            public double capacity(double at) {
                return at >= from && at < until ? 0 : rate;
            }
        };
    }
}
