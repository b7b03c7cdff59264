/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/boot/play.c: a program for guests: a tone of HZ for SECONDS by OSS's /dev/dsp, with every volume at its most.
 * play HZ SECONDS [RATE]
 */
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/soundcard.h>
#include <unistd.h>

static void unmute(void)
{
    int mixer = open("/dev/mixer", O_RDWR), devices = 0, loud = 100 | 100 << 8;

    if (mixer < 0 || ioctl(mixer, SOUND_MIXER_READ_DEVMASK, &devices) < 0) {
        perror("/dev/mixer");
        return;
    }
    for (int i = 0; i < SOUND_MIXER_NRDEVICES; i++) {
        int level = loud;

        /* What an input would add is left alone. */
        if ((devices >> i & 1) &&
            (i == SOUND_MIXER_VOLUME || i == SOUND_MIXER_PCM || i == SOUND_MIXER_ALTPCM)) {
            ioctl(mixer, MIXER_WRITE(i), &level);
        }
    }
    close(mixer);
}

int main(int argc, char **argv)
{
    double hz = argc > 1 ? atof(argv[1]) : 440, seconds = argc > 2 ? atof(argv[2]) : 1;
    int rate = argc > 3 ? atoi(argv[3]) : 48000, format = AFMT_S16_LE, channels = 2;
    int dsp = open("/dev/dsp", O_WRONLY);

    if (dsp < 0) {
        perror("/dev/dsp");
        return 1;
    }
    unmute();
    if (ioctl(dsp, SNDCTL_DSP_SETFMT, &format) < 0 ||
        ioctl(dsp, SNDCTL_DSP_CHANNELS, &channels) < 0 || ioctl(dsp, SNDCTL_DSP_SPEED, &rate) < 0) {
        perror("ioctl");
        return 1;
    }
    printf("FORMAT %d %d %d\n", format, channels, rate);
    fflush(stdout);
    for (int i = 0; i < (int)(seconds * rate);) {
        int16_t buf[1024][2];
        int n = 0;

        for (; n < 1024 && i < (int)(seconds * rate); n++, i++) {
            buf[n][0] = buf[n][1] = (int16_t)(16000 * sin(2 * M_PI * hz * i / rate));
        }
        if (write(dsp, buf, (size_t)n * 4) != n * 4) {
            perror("write");
            return 1;
        }
    }
    ioctl(dsp, SNDCTL_DSP_SYNC, 0);
    close(dsp);
    puts("PLAYED");
    return 0;
}
