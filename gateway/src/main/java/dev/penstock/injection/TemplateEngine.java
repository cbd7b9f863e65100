package dev.penstock.injection;

import java.io.IOException;
import java.io.StringReader;
import java.io.Writer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;

import io.pebbletemplates.pebble.PebbleEngine;
import io.pebbletemplates.pebble.error.PebbleException;
import io.pebbletemplates.pebble.extension.writer.SpecializedWriter;
import io.pebbletemplates.pebble.lexer.LexerImpl;
import io.pebbletemplates.pebble.lexer.Token;
import io.pebbletemplates.pebble.template.PebbleTemplate;
import org.jspecify.annotations.Nullable;

import dev.penstock.http.Problem;

/**
 * The template language of injected mail: Pebble, which reads Jinja's syntax, cut down to what clients that aren't
 * trusted may do. Thread-safe.
 *
 * <p>No file is ever read, no method of a Java object called, no class looked up: there are no include, import, extends
 * or macro tags, and attributes are looked up in maps and lists alone. There are no list or map literals either, so that
 * no template can build a structure larger than the data it was given. What a template may cost is bounded by
 * {@link RenderBudget}, what it may write by the caller.
 */
final class TemplateEngine {
    /** Characters of one template. */
    static final int MAX_TEMPLATE = 1 << 20;
    /** Of these, between the braces of tags. */
    static final int MAX_TAGS = 256 << 10;
    /** Octets of all templates remembered, with what is made of them. */
    static final long MAX_RECENT = 16 << 20;
    private static final int MAX_MESSAGE = 200;
    private static final int PER_CHARACTER = 2; // octets, beyond Latin-1
    /** Octets that are made of one character in a tag, at worst: tokens, then nodes. */
    private static final int PER_TAG_CHARACTER = 100;
    private static final int EACH = 1 << 10; // octets besides

    private final PebbleEngine text = engine(false);
    private final PebbleEngine html = engine(true);
    private final Recent recent = new Recent();

    private record Read(String source, boolean escaped) {}

    /** Templates used lately: a campaign comes in many requests. Thread-safe. */
    private static final class Recent {
        private final LinkedHashMap<Read, Template> templates = new LinkedHashMap<>(16, 0.75f, true);
        private long octets;

        synchronized @Nullable Template get(Read key) {
            return templates.get(key);
        }

        synchronized void put(Read key, Template template) {
            if (template.cost > MAX_RECENT / 4 || templates.put(key, template) != null) {
                return;
            }
            octets += template.cost;
            while (octets > MAX_RECENT) {
                octets -= templates.pollFirstEntry().getValue().cost;
            }
        }
    }

    /** A template that was read. Thread-safe. */
    static final class Template {
        private final String source;
        private final @Nullable PebbleTemplate compiled;
        private final long cost;

        private Template(String source, @Nullable PebbleTemplate compiled, long cost) {
            this.source = source;
            this.compiled = compiled;
            this.cost = cost;
        }

        /** Whether the result is always the same. */
        boolean isConstant() {
            return compiled == null;
        }

        /**
         * Fills it in.
         *
         * @param values strings, numbers, booleans, nulls, and maps and lists of them; {@code set} changes them
         * @param maxLength characters of the result
         * @throws TemplateException when that fails, takes too long or gets too long
         * @throws RefusedException  when there is no memory for it now
         */
        String render(TemplateValues values, long maxLength, RenderBudget budget) {
            PebbleTemplate template = compiled;
            if (template == null) {
                return source;
            }
            BoundedWriter out = new BoundedWriter(Math.min(source.length() + 256L, maxLength), maxLength, budget);
            try {
                ScopedValue.where(RenderBudget.CURRENT, budget).call(() -> {
                    template.evaluate(out, values);
                    return null;
                });
            } catch (TemplateException | RefusedException e) {
                throw e;
            } catch (PebbleException | IOException e) {
                throw failure("can't be filled in: ", e);
            } catch (RuntimeException e) { // of a filter that got what it can't take
                throw new TemplateException("can't be filled in: " + e.getClass().getSimpleName(), e);
            } catch (StackOverflowError e) {
                throw new TemplateException("can't be filled in: it is nested too deeply", e);
            }
            return out.text.toString();
        }
    }

    /** Text that no template language applies to. */
    static Template constant(String source) {
        return new Template(source, null, 0);
    }

    /**
     * Reads a template.
     *
     * @param escaped whether what is filled in is escaped for HTML
     * @param memory  that is charged with what is made of it, unless that is remembered anyhow
     * @throws TemplateException when it isn't one
     * @throws Problem           when there is no memory for it
     */
    Template compile(String source, boolean escaped, RequestMemory.Share memory) {
        if (!source.contains("{{") && !source.contains("{%") && !source.contains("{#")) {
            return constant(source);
        }
        if (source.length() > MAX_TEMPLATE) {
            throw new TemplateException("a template is at most " + MAX_TEMPLATE
                    + " characters long; large files belong into attachments", null);
        }
        Read known = new Read(source, escaped);
        Template template = recent.get(known);
        if (template == null) {
            int tags = tagCharacters(source);
            if (tags > MAX_TAGS) {
                throw new TemplateException("a template has at most " + MAX_TAGS + " characters in its tags", null);
            }
            long cost = EACH + (long) PER_CHARACTER * source.length() + (long) PER_TAG_CHARACTER * tags;
            memory.need(cost);
            template = read(source, escaped, cost);
            recent.put(known, template);
        }
        return template;
    }

    /** Braces included. A tag that isn't closed goes on to the end. */
    private static int tagCharacters(String source) {
        int count = 0;
        for (int at = source.indexOf('{'); at >= 0 && at + 1 < source.length(); at = source.indexOf('{', at)) {
            String close = switch (source.charAt(at + 1)) {
                case '{' -> "}}";
                case '%' -> "%}";
                case '#' -> "#}";
                default -> "";
            };
            if (close.isEmpty()) {
                at++;
                continue;
            }
            int end = source.indexOf(close, at + 2);
            int next = end < 0 ? source.length() : end + 2;
            count += next - at;
            at = next;
        }
        return count;
    }

    private Template read(String source, boolean escaped, long cost) {
        PebbleEngine engine = escaped ? html : text;
        try {
            refuseWhatIsNotAllowed(engine, source);
            return new Template(source, engine.getLiteralTemplate(source), cost);
        } catch (PebbleException e) {
            throw failure("", e);
        } catch (RuntimeException e) { // the parser's own, on input it doesn't expect
            throw new TemplateException("isn't a template: " + e.getClass().getSimpleName(), e);
        } catch (StackOverflowError e) {
            throw new TemplateException("is nested too deeply", e);
        }
    }

    private static void refuseWhatIsNotAllowed(PebbleEngine engine, String source) {
        List<Token> tokens = new LexerImpl(engine.getSyntax(),
                engine.getExtensionRegistry().getUnaryOperators().values(),
                engine.getExtensionRegistry().getBinaryOperators().values()).tokenize(new StringReader(source), "")
                .getTokens();
        Token before = null;
        for (Token token : tokens) {
            boolean opensMap = token.test(Token.Type.PUNCTUATION, "{");
            boolean opensList = token.test(Token.Type.PUNCTUATION, "[") && (before == null || !isValue(before));
            if (opensMap || opensList) {
                throw new TemplateException(
                        "line " + token.getLineNumber()
                                + ": lists and maps can't be written here, only in substitutions",
                        null);
            }
            if (token.test(Token.Type.STRING_INTERPOLATION_START)) { // it would be joined unmetered
                throw new TemplateException("line " + token.getLineNumber()
                        + ": nothing is filled in within a text; join texts with ~, and write # and { apart", null);
            }
            before = token;
        }
    }

    private static boolean isValue(Token token) {
        return token.test(Token.Type.NAME) && !token.getValue().equals("in")
                || token.test(Token.Type.PUNCTUATION, ")", "]");
    }

    private static PebbleEngine engine(boolean escaping) {
        PebbleEngine.Builder builder = new PebbleEngine.Builder();
        builder.registerExtensionCustomizer(SafeExtension::new);
        return builder.autoEscaping(escaping).cacheActive(false).strictVariables(false).newLineTrimming(false)
                .allowOverrideCoreOperators(false).defaultLocale(Locale.ENGLISH)
                .methodAccessValidator((_, _) -> false).build();
    }

    /** In one line and without the template, which Pebble names at the end. */
    private static RuntimeException failure(String start, Exception e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof TemplateException || cause instanceof RefusedException) {
                return (RuntimeException) cause;
            }
        }
        String message = e instanceof PebbleException pebble
                ? (pebble.getLineNumber() == null ? "" : "line " + pebble.getLineNumber() + ": ")
                        + pebble.getPebbleMessage()
                : String.valueOf(e.getMessage());
        String line = message.replaceAll("\\s+", " ").strip();
        return new TemplateException(
                start + (line.length() > MAX_MESSAGE ? line.substring(0, MAX_MESSAGE) + "…" : line), e);
    }

    private static final class BoundedWriter extends Writer implements SpecializedWriter {
        private final StringBuilder text;
        private final long maxLength;
        private final RenderBudget budget;

        BoundedWriter(long expected, long maxLength, RenderBudget budget) {
            this.text = new StringBuilder((int) expected);
            this.maxLength = maxLength;
            this.budget = budget;
        }

        private void allow(int length) {
            if (text.length() + (long) length > maxLength) {
                throw new TemplateException("makes more than " + maxLength + " characters", null);
            }
            budget.charge(length);
        }

        @Override
        public void write(char[] characters, int offset, int length) {
            allow(length);
            text.append(characters, offset, length);
        }

        @Override
        public void write(String characters) {
            allow(characters.length());
            text.append(characters);
        }

        /** A value that is printed. */
        @Override
        public void write(@Nullable Object value) {
            write(TemplateText.of(value));
        }

        @Override
        public void writeSpecialized(int value) {
            write(String.valueOf(value));
        }

        @Override
        public void writeSpecialized(long value) {
            write(String.valueOf(value));
        }

        @Override
        public void writeSpecialized(double value) {
            write(Numbers.text(value));
        }

        @Override
        public void writeSpecialized(float value) {
            write(Numbers.text(value));
        }

        @Override
        public void writeSpecialized(short value) {
            write(String.valueOf(value));
        }

        @Override
        public void writeSpecialized(byte value) {
            write(String.valueOf(value));
        }

        @Override
        public void writeSpecialized(char value) {
            write(String.valueOf(value));
        }

        @Override
        public void writeSpecialized(String value) {
            write(value);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    }

    /** Names of what is in the language, for documentation and tests. */
    static List<String> filters() {
        return new ArrayList<>(SafeExtension.FILTERS);
    }
}
