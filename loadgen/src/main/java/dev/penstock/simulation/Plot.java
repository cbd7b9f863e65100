package dev.penstock.simulation;

import java.util.List;
import java.util.Locale;

/** A drawing of lines over time, as SVG that needs nothing from elsewhere. Stateless. */
final class Plot {
    private static final int WIDTH = 760;
    private static final int HEIGHT = 240;
    private static final int LEFT = 56;
    private static final int TOP = 24;
    private static final int RIGHT = 12;
    private static final int BOTTOM = 32;
    private static final int TICKS = 6;
    /** Points drawn of a line; what lies between two is averaged. */
    private static final int MOST_POINTS = 240;

    /**
     * One line.
     *
     * @param values one for each minute
     * @param style  of the stroke, in SVG's words
     * @param scales whether the drawing is made high enough for it; else it is cut off at the top
     */
    record Line(String name, String style, List<Double> values, boolean scales) {}

    private Plot() {}

    /** @param unit of the values, for people */
    static String svg(String title, String unit, List<Line> lines) {
        int minutes = lines.stream().mapToInt(line -> line.values.size()).max().orElse(1);
        int step = Math.max(1, Math.ceilDiv(minutes, MOST_POINTS));
        double most = 1;
        for (Line line : lines) {
            for (double value : averaged(line.values, step)) {
                most = line.scales ? Math.max(most, value) : most;
            }
        }
        double top = nice(most);
        StringBuilder svg = new StringBuilder();
        svg.append(String.format(Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                        + "font-family=\"sans-serif\" font-size=\"11\"><rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>"
                        + "<text x=\"%d\" y=\"14\" font-weight=\"bold\">%s</text>%n",
                WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, escaped(title + " (" + unit + ")")));
        for (int tick = 0; tick <= TICKS; tick++) {
            double share = (double) tick / TICKS;
            double y = y(share * top, top);
            double x = x(share * minutes, minutes);
            svg.append(String.format(Locale.ROOT,
                    "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#ddd\"/><text x=\"%d\" y=\"%.1f\" "
                            + "text-anchor=\"end\">%s</text><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>%n",
                    LEFT, y, WIDTH - RIGHT, y, LEFT - 6, y + 4, number(share * top), x, HEIGHT - BOTTOM + 14,
                    clock(share * minutes)));
        }
        int legend = LEFT;
        for (Line line : lines) {
            double[] values = averaged(line.values, step);
            StringBuilder points = new StringBuilder();
            for (int i = 0; i < values.length; i++) {
                points.append(
                        String.format(Locale.ROOT, "%.1f,%.1f ", x((i + 0.5) * step, minutes), y(values[i], top)));
            }
            svg.append("<polyline fill=\"none\" ").append(line.style).append(" points=\"")
                    .append(points.toString().strip()).append("\"/>\n");
            svg.append(String.format(Locale.ROOT,
                    "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" %s/><text x=\"%d\" y=\"%d\">%s</text>%n", legend,
                    HEIGHT - 8, legend + 20, HEIGHT - 8, line.style, legend + 24, HEIGHT - 4, escaped(line.name)));
            legend += 40 + 7 * line.name.length();
        }
        return svg.append("</svg>\n").toString();
    }

    private static double[] averaged(List<Double> values, int step) {
        double[] averaged = new double[Math.ceilDiv(values.size(), step)];
        for (int i = 0; i < averaged.length; i++) {
            int end = Math.min(values.size(), (i + 1) * step);
            double sum = 0;
            for (int at = i * step; at < end; at++) {
                sum += values.get(at);
            }
            averaged[i] = sum / (end - i * step);
        }
        return averaged;
    }

    private static double nice(double most) {
        double scale = Math.pow(10, Math.floor(Math.log10(most)));
        for (double factor : new double[]{1, 1.2, 1.5, 2, 3, 4, 5, 6, 8}) {
            if (factor * scale >= most) {
                return factor * scale;
            }
        }
        return 10 * scale;
    }

    private static double x(double minute, int minutes) {
        return LEFT + (WIDTH - LEFT - RIGHT) * minute / Math.max(1, minutes);
    }

    private static double y(double value, double top) {
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * Math.min(1, value / top);
    }

    private static String number(double value) {
        return value >= 10 || value == 0
                ? String.format(Locale.ROOT, "%.0f", value)
                : String.format(Locale.ROOT, "%.1f", value);
    }

    private static String clock(double minutes) {
        int whole = (int) Math.round(minutes);
        return String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60);
    }

    static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }
}
