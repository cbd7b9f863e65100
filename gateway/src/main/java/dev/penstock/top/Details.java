package dev.penstock.top;

import java.util.List;

import dev.penstock.admin.QueueAnswer.WhyOf;
import dev.penstock.admin.StandingAnswer;

/** Tells what the commands {@code provider show}, {@code source show} and {@code why} do, line by line. */
public interface Details {
    List<String> provider(StandingAnswer.Provider provider);

    List<String> source(StandingAnswer.Source source);

    List<String> why(WhyOf why);
}
